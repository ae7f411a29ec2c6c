"""`eai init`: the first zoofile.toml of a project."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from zoo.cli.output import Output
from zoo.cli.project import ZOOFILE
from zoo.errors import EaiError
from zoo.zoofile.read import parse
from zoo.zoofile.write import create

_IGNORED = ".eai/"

_HEAD = """\
# What this project wants. `eai lock` decides what that is, to the byte, and writes zoo.lock; `eai up`
# serves it. Commit both. `eai schema` describes all that can stand here.

[zoo]
name = {name}

"""

_PLAIN = """\
# Models, by the name that clients ask for; the first is the main one. `eai add` adds them:
#
#   eai catalog                          what the catalogue has
#   eai add qwen3-1.7b                   a model of the catalogue
#   eai add hf:OWNER/REPO/FILE.gguf      a file of a Hugging Face repository
#   eai add ./models/mine.gguf           a file of your own
"""

_DEMO = """\
# A toy that comes with eai: it shows that everything works, and knows nothing. For a real model,
# `eai catalog` lists some, and `eai add NAME` adds one.
[models.toy]
bundled = "eai-toy.gguf"
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments and an example."""
    parser.add_argument(
        "folder", metavar="DIR", nargs="?", default=".", help="where to begin (default: here)"
    )
    parser.add_argument("--demo", action="store_true", help="with a toy model that needs no download")
    parser.add_argument("--name", help="what the project is called (default: as its folder)")
    parser.epilog = "example:\n  eai init --demo && eai lock && eai up"


def run(args: argparse.Namespace, out: Output) -> int:
    """Write zoofile.toml where there is none, and keep what eai leaves beside it out of git."""
    folder = Path(args.folder).absolute()
    text = _HEAD.format(name=json.dumps(args.name or folder.name or "zoo", ensure_ascii=False))
    text += _DEMO if args.demo else _PLAIN
    parse(text)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EaiError(f"cannot make {folder}: {error.strerror}") from None
    path = folder / ZOOFILE
    if not create(path, text):
        raise EaiError(f"there is a {path} already", hint="`eai add` adds a model to it")
    out.say(f"wrote {path}")
    _ignore(folder, out)
    out.say(
        "run `eai lock`, then `eai up`" if args.demo else "add a model with `eai add`, then run `eai lock`"
    )
    return 0


def _ignore(folder: Path, out: Output) -> None:
    """Have git ignore what eai keeps in the project's folder, where git is used at all."""
    if not any((above / ".git").exists() for above in (folder, *folder.parents)):
        return
    path = folder / ".gitignore"
    try:
        before = path.read_bytes() if path.exists() else b""
        if {line.strip().strip(b"/") for line in before.splitlines()} & {_IGNORED.strip("/").encode()}:
            return
        with path.open("ab") as stream:
            stream.write((b"" if before.endswith(b"\n") or not before else b"\n") + f"{_IGNORED}\n".encode())
    except OSError as error:
        out.warn(f"cannot add {_IGNORED} to {path}: {error.strerror}")
        return
    out.say(f"added {_IGNORED} to {path}")

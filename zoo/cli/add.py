"""`eai add`: one more model in zoofile.toml, with everything else in it left alone."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any, get_args

from msgspec import to_builtins

from zoo import catalog
from zoo.cli.output import Output
from zoo.cli.project import ZOOFILE, Project, add_project_option
from zoo.errors import UsageError
from zoo.zoofile.edit import add_model
from zoo.zoofile.locate import lines_of
from zoo.zoofile.model import Task, Zoofile
from zoo.zoofile.problem import dotted
from zoo.zoofile.read import parse, problems_with, read_text
from zoo.zoofile.spell import Spelled, name_of, spelled
from zoo.zoofile.write import replace

_TASKS = get_args(Task)
_SCHEMES = ("http:", "https:")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments and examples."""
    parser.add_argument(
        "model",
        metavar="MODEL",
        help="a name in the catalogue, hf:OWNER/REPO/FILE, hf:OWNER/REPO with --pattern, ipfs:CID, "
        "a URL, or the path of a file",
    )
    parser.add_argument("--name", help="what clients call it (default: from the file's name)")
    parser.add_argument("--main", action="store_true", help="make it the main model")
    parser.add_argument("--task", choices=_TASKS, help="what it is for (default: told by the file)")
    parser.add_argument("--pattern", help="take every part of a split model, such as Q4_K_M")
    parser.add_argument("--revision", help="a branch, a tag or a commit (default: main)")
    parser.add_argument("--mmproj", help="the projector, from where the model comes")
    parser.add_argument("--context-length", type=int, metavar="TOKENS", help="tokens of context")
    add_project_option(parser)
    parser.epilog = """\
examples:
  eai add qwen3-1.7b
  eai add hf:dphn/Dolphin3.0-Llama3.1-8B-GGUF/Dolphin3.0-Llama3.1-8B-Q4_0.gguf --name dolphin --main
  eai add hf:unsloth/Qwen3-235B-A22B-Instruct-2507-GGUF --pattern Q4_K_M
  eai add ./models/mine.gguf --context-length 32768"""


def run(args: argparse.Namespace, out: Output) -> int:
    """Add it, if the zoofile is good with it."""
    project = Project.of(args)
    text = read_text(project.zoofile)
    zoofile = parse(text)
    origin = _origin(args, project.folder)
    name = args.name or origin.name
    if not name:
        _check(zoofile, "model", origin.origin)  # what is wrong with it says more than that it has no name
        raise UsageError(f"nothing tells what to call {args.model}", hint="say it with --name NAME")
    table = origin.origin | _settings(args, project.folder, local="path" in origin.origin)
    changed = add_model(text, name, table)
    _check(zoofile, name, table)
    replace(project.zoofile, changed)
    line = lines_of(changed, [("models", name)])[0]
    out.say(f"{ZOOFILE}:{line}: added `{name}`\nrun `eai lock` to decide its bytes")
    return 0


def _origin(args: argparse.Namespace, folder: Path) -> Spelled:
    word: str = args.model
    if (told := spelled(word, hub=_hub() if word.lower().startswith(_SCHEMES) else "")) is not None:
        return told
    path = Path(word)
    named = "/" not in word and os.sep not in word and not path.is_file()
    if named or catalog.lookup(word) is not None:
        return _featured(word, args.name)
    if not path.is_file():
        raise _no_file(word, path)
    return Spelled({"path": _relative(path, folder)}, name_of(path.name))


def _no_file(word: str, path: Path) -> UsageError:
    if path.is_dir():
        return UsageError(f"{word} is a folder", hint="name a file in it")
    owner = word.split("/", 1)[0]
    if owner in {"", ".", "..", "~"} or Path(owner).exists():
        return UsageError(f"there is no file {word}", hint="check the path; it counts from this folder")
    return UsageError(
        f"there is no file {word}", hint=f"for a repository of the Hugging Face Hub write hf:{word}"
    )


def _featured(word: str, name: str | None) -> Spelled:
    """A model of the catalogue; under a name of its own, the zoofile must say all that the catalogue does."""
    entry = catalog.lookup(word)
    if entry is None:
        near = ", ".join(f"`{name}`" for name in catalog.near(word))
        hint = f"did you mean {near}?" if near else "`eai catalog` lists what is there"
        raise UsageError(f"`{word}` is neither in the catalogue nor a file", hint=hint)
    if not entry.supported:
        raise UsageError(
            f"`{word}` needs the engine {entry.backend}, which this eai does not have",
            hint="`eai catalog` marks what it cannot serve",
        )
    if name in {None, word}:
        return Spelled({}, word)
    table = to_builtins(entry.request) | {"task": entry.task}
    return Spelled(table | ({"sampling": to_builtins(entry.sampling)} if entry.family else {}), word)


def _settings(args: argparse.Namespace, folder: Path, *, local: bool) -> dict[str, Any]:
    mmproj = _relative(Path(args.mmproj), folder) if args.mmproj and local else args.mmproj
    given = {
        "pattern": args.pattern,
        "revision": args.revision,
        "mmproj": mmproj,
        "task": args.task,
        "main": args.main or None,
        "context-length": args.context_length,
    }
    return {key: value for key, value in given.items() if value is not None}


def _check(zoofile: Zoofile, name: str, table: dict[str, Any]) -> None:
    """See that the zoofile is good with the model; it was good without."""
    for problem in problems_with(zoofile, name, table):
        raise UsageError(f"`{dotted(problem.keys)}` {problem.what}", hint=problem.remedy)


def _relative(path: Path, folder: Path) -> str:
    """The path as the zoofile says it, which holds on every machine that has the project."""
    try:
        return Path(os.path.relpath(path.absolute(), folder)).as_posix()
    except ValueError:
        raise UsageError(f"{path} is on another drive than the project", hint="copy it there") from None


def _hub() -> str:
    from huggingface_hub import constants  # noqa: PLC0415 - only for URLs; HF_ENDPOINT counts there

    return constants.ENDPOINT

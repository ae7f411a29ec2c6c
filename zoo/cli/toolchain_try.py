"""`eai toolchain try`: becomes the pinned program of an engine, with arguments of a person's own."""

from __future__ import annotations

import argparse
import os
import sys

from msgspec.structs import replace

from zoo.cli.building import build_missing
from zoo.cli.choosing import add_variant_option, chosen
from zoo.cli.output import Output
from zoo.cli.pinned import find
from zoo.cli.project import Project, add_offline_option, add_project_option, open_store
from zoo.errors import EngineError
from zoo.fetch.plan import plan
from zoo.lock.toml import load
from zoo.toolchains.install import Installed, install


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments, its description and an example."""
    parser.description = (
        "Run the pinned program with the arguments behind `--`, as `eai up` would run it: fetched or built "
        "first where it is missing, with nothing of this machine's or this user's settings, and in its own "
        "folder, so that paths among the arguments must be absolute. Its exit code is given back."
    )
    parser.usage = "eai toolchain try [NAME] [--variant NAME] [--project DIR] [--offline] -- ARGUMENT …"
    parser.epilog = (
        "examples:\n  eai toolchain try -- --version\n  eai toolchain try --variant vulkan -- --list-devices"
    )
    add_project_option(parser)
    add_variant_option(parser)
    parser.add_argument("name", nargs="?", metavar="NAME", help="which, where the lock has several")
    add_offline_option(parser)


def run(args: argparse.Namespace, out: Output) -> int:
    """Do it; what comes back is the program's exit code, since this process becomes the program."""
    project = Project.of(args)
    lock = load(project.require_lock())
    toolchain, store = find(lock, args.name), open_store()
    (build,) = chosen(replace(lock, toolchain=(toolchain,)), out, insist=args.variant).values()
    artifacts = lock.artifacts()
    todo = plan((artifacts[digest] for digest in build.digests()), store)
    if todo.missing:
        from zoo.cli.fetch import bring  # noqa: PLC0415 - the network's libraries, where they are needed

        bring(todo, project, out, offline=args.offline)
    build_missing({toolchain.name: build}, store, out)
    return _become(install(build, store, toolchain=toolchain.name), args.after)


def _become(installed: Installed, words: list[str]) -> int:
    """Replace this process, in the program's folder: it would load libraries from any folder it runs in."""
    tree = str(installed.tree)
    env = {"HOME": tree, "PATH": tree, "LANG": "C.UTF-8", **installed.env}
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        os.chdir(tree)
        os.execve(installed.bare[0], (*installed.bare, *words), env)  # noqa: S606 - it is the locked program
    except OSError as error:
        raise EngineError(f"cannot start {installed.bare[0]}: {error.strerror}") from error

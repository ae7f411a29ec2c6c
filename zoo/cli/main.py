"""`eai`: finds the command that was typed, runs it, and turns expected errors into an exit code.

Only the module of the command that was typed is imported, so that `eai --version` and
`eai lock --check` feel instant.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from typing import NoReturn, Protocol

from zoo import __version__
from zoo.cli.output import Output
from zoo.errors import EXIT_INTERRUPTED, EaiError

COMMANDS: dict[str, str] = {
    "init": "begin a project: write a zoofile.toml",
    "add": "add a model to zoofile.toml",
    "remove": "remove a model from zoofile.toml",
    "catalog": "list and search the featured models",
    "lock": "decide every byte: zoofile.toml → zoo.lock",
    "fetch": "get everything that zoo.lock needs, without serving",
    "up": "serve the locked environment",
    "down": "stop serving",
    "status": "show what is being served",
    "logs": "show the proxy's and the engines' logs",
    "store": "look into the store: ls, verify, path",
    "schema": "print the JSON Schema of zoofile.toml",
}


class Command(Protocol):
    """What every module of a command offers."""

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's arguments, its description and an example."""

    def run(self, args: argparse.Namespace, out: Output) -> int:
        """Do it; the exit code, 0 when done."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run `eai` with these arguments and return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words in (["--version"], ["-V"]):
        sys.stdout.write(f"eai {__version__}\n")
        return 0
    args = _parser(_typed(words)).parse_args(words)
    out = Output.standard(quiet=args.quiet)
    try:
        return int(args.run(args, out))
    except EaiError as error:
        out.error(error)
        return error.exit_code
    except KeyboardInterrupt:
        out.say("interrupted")
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader of stdout went away (`eai … | head`); nothing is left to tell it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def entry() -> NoReturn:
    """Be the program `eai`."""
    sys.exit(main())


def _typed(words: Sequence[str]) -> str | None:
    """The command among the words, if one is there; options of `eai` itself take no values."""
    return next((word for word in words if not word.startswith("-")), None)


def _parser(typed: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="eai",
        description="Reproducible local AI environments: models, engine and server from one lock.",
        epilog="example:\n  eai init --demo && eai lock && eai up",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("-V", "--version", action="version", version=f"eai {__version__}")
    parser.add_argument("-q", "--quiet", action="store_true", help="say nothing but data and errors")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, summary in COMMANDS.items():
        sub = commands.add_parser(
            name,
            help=summary,
            description=summary,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        if name == typed:
            command: Command = importlib.import_module(f"zoo.cli.{name}")
            command.configure(sub)
            sub.set_defaults(run=command.run)
    return parser

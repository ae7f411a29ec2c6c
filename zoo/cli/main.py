"""`eai`: finds the command that was typed, runs it, and turns expected errors into an exit code.

Only the module of the command that was typed is imported, and only its arguments are described, so
that `eai --version` and `eai lock --check` feel instant: benchmarks/startup.py says how much so.
"""

from __future__ import annotations

import gc
import sys

from zoo import __version__
from zoo.cli import streams

TYPE_CHECKING = False  # as typing's, whose import would be most of what `eai --version` takes
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence
    from typing import NoReturn

    from zoo.cli.command import Command
    from zoo.cli.output import Output

_USUAL = 80  # columns
_INTERRUPTED = 130  # as in zoo.errors, which is not imported yet

COMMANDS: dict[str, str] = {
    "init": "begin a project: write a zoofile.toml",
    "add": "add a model to zoofile.toml",
    "remove": "remove a model from zoofile.toml",
    "catalog": "list and search the featured models",
    "import": "turn a config.yaml of Eternal Zoo into a zoofile.toml",
    "lock": "decide every byte: zoofile.toml → zoo.lock",
    "fetch": "get everything that zoo.lock needs, without serving",
    "preserve": "put models on IPFS, and their CIDs into zoo.lock",
    "model": "models outside any project: run, serve, stop, status, download, check, preserve",
    "up": "serve the locked environment",
    "down": "stop serving",
    "status": "show what is being served",
    "logs": "show the proxy's and the engines' logs",
    "toolchain": "the engines that are pinned: ls, show, build, try",
    "doctor": "show what this machine has, and what keeps eai from serving",
    "store": "look into the store, or serve it: ls, verify, path, serve",
    "schema": "print the JSON Schema of zoofile.toml",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run `eai` with these arguments and return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words in (["--version"], ["-V"]):
        sys.stdout.write(f"eai {__version__}\n")
        return 0
    from zoo.cli.output import Output  # noqa: PLC0415 - `--version` does without

    typed = _typed(words)
    if typed is not None and typed not in COMMANDS:
        return _unknown(typed, Output.standard(quiet=False))
    parser = _parser(typed)
    if not words:
        parser.print_help(sys.stderr)
        return 2
    args = parser.parse_args(words)
    return _run(args, Output.standard(quiet=args.quiet))


def entry() -> NoReturn:
    """Be the program `eai`."""
    # A command makes much that lives until its end, and little garbage: looking for that is a tenth of
    # what `eai lock --check` takes.
    gc.set_threshold(50_000)
    streams.ready()
    try:
        code = main()
    except KeyboardInterrupt:  # before the command began; nothing is imported to say it with
        sys.stderr.write("interrupted\n")
        code = _INTERRUPTED
    gc.freeze()
    if code == _INTERRUPTED:
        _leave_at_once()
    sys.exit(code)


def _leave_at_once() -> NoReturn:
    """End without the interpreter's clean-up: a thread that is telling of a download may abort it."""
    import os  # noqa: PLC0415 - `--version` does without
    from contextlib import suppress  # noqa: PLC0415 - as above

    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # whoever read it may be gone
            stream.flush()
    os._exit(_INTERRUPTED)


def _run(args: argparse.Namespace, out: Output) -> int:
    from zoo.errors import EXIT_INTERRUPTED, EaiError  # noqa: PLC0415 - what only a command needs

    try:
        return int(args.run(args, out))
    except EaiError as error:
        out.error(error)
        return error.exit_code
    except KeyboardInterrupt:
        out.say("interrupted")
        return EXIT_INTERRUPTED
    except BrokenPipeError:  # the reader of stdout went away (`eai … | head`); nothing is left to tell it
        return 0


def _typed(words: Sequence[str]) -> str | None:
    """What was typed as a command, unless help about all of them is asked for; options take no values."""
    for word in words:
        if not word.startswith("-"):
            return word
        if word in {"-h", "--help"}:
            return None
    return None


def _unknown(typed: str, out: Output) -> int:
    from difflib import get_close_matches  # noqa: PLC0415 - only for errors

    from zoo.errors import UsageError  # noqa: PLC0415 - as above

    near = get_close_matches(typed, COMMANDS, n=1)
    hint = f"did you mean `eai {near[0]}`?" if near else "`eai --help` lists the commands"
    error = UsageError(f"there is no command {typed[:80]!a}", hint=hint)
    out.error(error)
    return error.exit_code


def _parser(typed: str | None) -> argparse.ArgumentParser:
    """Make the parser of the command that was typed, or of all of them, to show or suggest them."""
    import argparse  # noqa: PLC0415 - `--version` does without

    from zoo.cli.command import add_quiet  # noqa: PLC0415 - as above

    formatter = _formatter()
    parser = argparse.ArgumentParser(
        prog="eai",
        description="Reproducible local AI environments: models, engine and server from one lock.",
        epilog="example:\n  eai init --demo && eai lock && eai up",
        formatter_class=formatter,
        allow_abbrev=False,
    )
    parser.add_argument("-V", "--version", action="version", version=f"eai {__version__}")
    parser.add_argument("-q", "--quiet", action="store_true", help="say nothing but data and errors")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, prog="eai")
    for name in (typed,) if typed else COMMANDS:
        sub = commands.add_parser(
            name,
            help=COMMANDS[name],
            description=_sentence(COMMANDS[name]),
            formatter_class=formatter,
            allow_abbrev=False,
        )
        if name == typed:
            add_quiet(sub)
            _configure(sub, name)
    return parser


def _sentence(phrase: str) -> str:
    return f"{phrase[0].upper()}{phrase[1:]}."


def _configure(parser: argparse.ArgumentParser, name: str) -> None:
    """Let the command's module say what it takes."""
    from importlib import import_module  # noqa: PLC0415 - `--version` does without

    module = f"{name}_" if name == "import" else name  # a module may not be called by a word of Python
    command: Command = import_module(f"zoo.cli.{module}")
    command.configure(parser)
    parser.set_defaults(run=command.run)


def _formatter() -> Callable[..., argparse.HelpFormatter]:
    """Make a formatter that knows the terminal's width.

    argparse makes one for every argument that is added, and each asks shutil, which is slow to import.
    """
    import argparse  # noqa: PLC0415 - `--version` does without
    from functools import partial  # noqa: PLC0415 - as above

    return partial(argparse.RawDescriptionHelpFormatter, width=_columns() - 2)


def _columns() -> int:
    import os  # noqa: PLC0415 - as above

    wanted = os.environ.get("COLUMNS", "")
    if wanted.isdecimal() and int(wanted):
        return int(wanted)
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or _USUAL
    except (AttributeError, OSError, ValueError):  # stdout is no file, or no terminal
        return _USUAL

"""`eai toolchain`: the engines that a lock pins."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from zoo.cli import toolchain_build, toolchain_ls, toolchain_show, toolchain_try
from zoo.cli.command import add_command
from zoo.cli.output import Output
from zoo.errors import UsageError

_COMMANDS = {
    "ls": (toolchain_ls, "list what is pinned, for every platform"),
    "show": (toolchain_show, "show all of one: needs, sources, recipe, digests, licence"),
    "build": (toolchain_build, "build from source what is locked so"),
    "try": (toolchain_try, "run the pinned program with arguments of your own"),
}


class _Splitting(argparse.ArgumentParser):
    """Keeps what stands behind `--`, for another program, away from argparse, which would mix it in."""

    def parse_known_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> Any:  # type: ignore[override] # noqa: ANN401 - argparse's overloads are the same at run time
        """Parse what stands before the first `--`; what stands behind it is `after`."""
        words = list(args or ())
        end = words.index("--") if "--" in words else len(words)
        namespace, extra = super().parse_known_args(words[:end], namespace)
        namespace.after = words[end + 1 :]
        return namespace, extra


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments, its description and an example."""
    parser.description = "The engines that zoo.lock pins."
    parser.epilog = "examples:\n  eai toolchain ls\n  eai toolchain try -- --version"
    commands = parser.add_subparsers(
        title="commands", metavar="COMMAND", required=True, parser_class=_Splitting
    )
    for name, (module, told) in _COMMANDS.items():
        command = add_command(commands, name, told)
        module.configure(command)
        command.set_defaults(toolchain=module.run)


def run(args: argparse.Namespace, out: Output) -> int:
    """Do it; the exit code, 0 when done."""
    if args.after and args.toolchain is not toolchain_try.run:
        raise UsageError(f"nothing can stand behind --: {' '.join(args.after)}")
    return int(args.toolchain(args, out))

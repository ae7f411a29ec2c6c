"""What every module of a command offers to `zoo.cli.main`, and commands within a command."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeVar

from zoo.cli.output import Output

P = TypeVar("P", bound=argparse.ArgumentParser)
if TYPE_CHECKING:
    CommandsOf: TypeAlias = argparse._SubParsersAction[P]  # noqa: SLF001 - has no public name
    Commands: TypeAlias = CommandsOf[argparse.ArgumentParser]
else:
    CommandsOf = Commands = object


class Command(Protocol):
    """A module in this room, named for the command that it is."""

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's arguments, its description and an example."""

    def run(self, args: argparse.Namespace, out: Output) -> int:
        """Do it; the exit code, 0 when done."""


def add_quiet(parser: argparse.ArgumentParser) -> None:
    """Add `-q` behind a command too, where fingers put it; absent, it leaves what stands before alone."""
    parser.add_argument(
        "-q", "--quiet", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS
    )


def add_command(
    commands: CommandsOf[P],
    name: str,
    told: str,
    *,
    description: str | None = None,
    example: str | None = None,
) -> P:
    """Add a command within a command.

    Args:
        commands: To which it belongs.
        name: What is typed.
        told: What it does, as the list of commands says it.
        description: The same at more length, above its own options.
        example: What stands below them.
    """
    made = commands.add_parser(
        name,
        help=told,
        description=description,
        epilog=example,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_quiet(made)
    return made


def run_as(command: Command, words: Sequence[str], out: Output) -> int:
    """Run a command as if these words had been typed behind it; its exit code."""
    parser = argparse.ArgumentParser()
    command.configure(parser)
    return command.run(parser.parse_args(words), out)

"""What every module of a command offers to `zoo.cli.main`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Protocol, TypeAlias

from zoo.cli.output import Output

if TYPE_CHECKING:
    Commands: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - has no public name
else:
    Commands: TypeAlias = object


class Command(Protocol):
    """A module in this room, named for the command that it is."""

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's arguments, its description and an example."""

    def run(self, args: argparse.Namespace, out: Output) -> int:
        """Do it; the exit code, 0 when done."""

"""The one place that prints: data to stdout, talk to stderr."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, TextIO

from zoo.cli import streams
from zoo.errors import EaiError, NoSpace

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

_RED, _YELLOW, _CYAN, _RESET = "\x1b[1;31m", "\x1b[1;33m", "\x1b[36m", "\x1b[0m"


@dataclass(frozen=True, slots=True)
class Output:
    """Where a command's data and talk go.

    Attributes:
        data: For programs and pipes: what was asked for.
        talk: For people: what is going on.
        quiet: Whether talk is left out; errors never are.
    """

    data: TextIO
    talk: TextIO
    quiet: bool = False

    @classmethod
    def standard(cls, *, quiet: bool = False) -> Self:
        """Write to this process's stdout and stderr."""
        return cls(sys.stdout, sys.stderr, quiet)

    @property
    def colour(self) -> bool:
        """Whether talk may be coloured: a terminal that did not ask for none."""
        return self.talk.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"

    def print(self, text: str) -> None:
        """Write a line of data.

        Raises:
            EaiError: Nothing can be written there.
            BrokenPipeError: Nobody reads it any more.
        """
        with self._writing():
            self.data.write(f"{text}\n")
            self.data.flush()

    def offer(self, text: str) -> None:
        """Write a line of data that the work goes on without: whoever reads may have read enough."""
        try:
            self.print(text)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.data.fileno())

    def json(self, value: Any) -> None:  # noqa: ANN401 - whatever json can hold
        """Write a value as JSON, for programs."""
        import json  # noqa: PLC0415 - only where `--json` is asked for

        self.print(json.dumps(value, indent=2, ensure_ascii=False))

    def say(self, text: str) -> None:
        """Tell a person something."""
        if not self.quiet:
            self._tell(text)

    def warn(self, text: str) -> None:
        """Tell a person that something deserves a look."""
        self._labelled("warning", _YELLOW, text)

    def error(self, error: EaiError) -> None:
        """Tell a person what went wrong and what to do next."""
        self._labelled("error", _RED, error.message)
        if error.hint is not None:
            self._tell("")
            self._labelled("hint", _CYAN, error.hint)

    def show(self, renderable: RenderableType) -> None:
        """Write something of rich's, such as a table, as data; raises what `print` does."""
        with self._writing():
            self.rich(self.data).print(renderable)

    def rich(self, stream: TextIO | None = None) -> Console:
        """Make a rich console on the talk stream, or another one."""
        from rich.console import Console  # noqa: PLC0415 - 30 ms that only some commands need

        return Console(file=stream or self.talk, highlight=False, soft_wrap=True)

    def _labelled(self, label: str, colour: str, text: str) -> None:
        head = f"{colour}{label}:{_RESET}" if self.colour else f"{label}:"
        self._tell(f"{head} {text}")

    def _tell(self, text: str) -> None:
        """Write a line of talk. Where nobody can hear it, that is no reason to leave work undone."""
        with contextlib.suppress(OSError):
            self.talk.write(f"{text}\n")
            self.talk.flush()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """Say of data that cannot be written why, once: what is left of it goes nowhere."""
        try:
            yield
        except OSError as error:
            streams.lead_nowhere(self.data.fileno())
            if isinstance(error, BrokenPipeError):
                raise
            kind = NoSpace if error.errno in {errno.ENOSPC, errno.EDQUOT} else EaiError
            raise kind(f"stdout cannot be written: {error.strerror}") from error

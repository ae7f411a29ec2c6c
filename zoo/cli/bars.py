"""What everything that shows how far something is shares: bars on a terminal, and a pace for plain lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from zoo.cli.output import Output

if TYPE_CHECKING:
    from rich.progress import Progress

_TENTHS, _EVERY_SECONDS = 10, 10.0


@contextmanager
def bars(out: Output, *, steps: bool = False) -> Iterator[Progress | None]:
    """Show bars for as long as the context lasts, where somebody looks: None where it is no terminal.

    Args:
        out: Where they are shown.
        steps: Whether they count steps, and not bytes.
    """
    if out.quiet or not out.talk.isatty():
        yield None
        return
    from rich import progress  # noqa: PLC0415 - 40 ms that only a terminal needs

    counted: tuple[progress.ProgressColumn, ...] = (
        (progress.MofNCompleteColumn(), progress.TimeElapsedColumn())
        if steps
        else (
            progress.DownloadColumn(),
            progress.TransferSpeedColumn(),
            progress.TimeRemainingColumn(compact=True),
        )
    )
    columns = (progress.TextColumn("{task.description}", markup=False), progress.BarColumn(bar_width=None))
    with progress.Progress(*columns, *counted, console=out.rich(), transient=True, expand=True) as made:
        yield made


def above(live: Progress, line: str, *, style: str | None = None) -> None:
    """Write a line above the bars; names in it are no markup."""
    live.console.print(line, style=style, markup=False)


class Pace:
    """Says when a plain line is due: at each tenth of the whole, or every ten seconds.

    Args:
        clock: Gives seconds.
        least: Seconds between two lines, whatever comes.
    """

    def __init__(self, clock: Callable[[], float], *, least: float = 0.0) -> None:
        self._clock, self._least = clock, least
        self.begin()

    def begin(self, done: int = 0, total: int | None = None) -> None:
        """Count anew, from what is there already."""
        self._tenth, self._last = _tenths(done, total), self._clock()

    def due(self, done: int, total: int | None) -> bool:
        """Whether there should be a line now; it is taken to be written."""
        tenth, since = _tenths(done, total), self._clock() - self._last
        if since < _EVERY_SECONDS and (tenth <= self._tenth or since < self._least):
            return False
        self._tenth, self._last = max(tenth, self._tenth), self._last + since
        return True


def _tenths(done: int, total: int | None) -> int:
    return done * _TENTHS // total if total else 0

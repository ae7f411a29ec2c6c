"""Writes a line to the proxy's log for each request that is over.

Lines are gathered for a quarter of a second: to log each one on its own costs more than to carry a request.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from zoo.serve.slot import Clock
from zoo.serve.tally import Answered

_DELAY = 0.25


class Journal:
    """The log of requests.

    Args:
        write: Takes lines.
        clock: Calls back when they are due.
    """

    def __init__(self, write: Callable[[str], object], clock: Clock) -> None:
        self._write, self._clock = write, clock
        self._notes: list[tuple[float, Answered]] = []

    def note(self, answered: Answered) -> None:
        """Have a line written about a request."""
        if not self._notes:
            self._clock.call_later(_DELAY, self.flush)
        self._notes.append((time.time(), answered))

    def flush(self) -> None:
        """Write what is due now."""
        lines, second, stamp = [], 0, ""
        for when, (model, path, status, _, whole) in self._notes:
            if int(when) != second:
                second = int(when)
                stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(second))
            told = (stamp, when % 1 * 1000, path, model, status, whole * 1000)
            lines.append("%s,%03d INFO %s %s %d %.1f ms\n" % told)  # noqa: UP031 - takes two thirds of an f-string's time
        self._notes.clear()
        self._write("".join(lines))

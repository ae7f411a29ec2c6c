"""Notes each request that is over; the notes become metrics when somebody reads them.

A note costs a request next to nothing, and prometheus_client is not imported before it is needed.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from zoo.serve.slot import Seen

if TYPE_CHECKING:
    from zoo.serve.metrics import Metrics

_KEPT = 1024
_RECENT = 50


class Answered(NamedTuple):
    """A request that is over; times are seconds from its arrival.

    Attributes:
        model: The name of the model; `-` where none was chosen.
        path: The endpoint.
        status: Of HTTP; 499 where the client left.
        first: To the first byte of the engine's answer, if one came.
        whole: To the end.
    """

    model: str
    path: str
    status: int
    first: float | None
    whole: float


class Noted(NamedTuple):
    """When a request was over, in seconds since 1970, and what became of it."""

    at: float
    answered: Answered


class Tally:
    """All that is counted.

    Args:
        seen: Tells what every model does now.
        budget: Bytes that the loaded models may take together.

    Attributes:
        recent: The last requests.
        count: How many there were.
    """

    def __init__(self, seen: Callable[[], tuple[Seen, ...]], budget: int) -> None:
        self._seen, self._budget = seen, budget
        self._notes: list[Answered] = []
        self._metrics: Metrics | None = None
        self.recent: deque[Noted] = deque(maxlen=_RECENT)
        self.count = 0

    def note(self, answered: Answered) -> None:
        """Remember a request."""
        self._notes.append(answered)
        self.recent.append(Noted(time.time(), answered))
        self.count += 1
        if len(self._notes) >= _KEPT:
            self._counted()

    def text(self) -> bytes:
        """Everything, in Prometheus' text format."""
        return self._counted().text()

    def _counted(self) -> Metrics:
        if self._metrics is None:
            from zoo.serve.metrics import Metrics  # noqa: PLC0415 - 20 ms that no start should pay

            self._metrics = Metrics(self._seen, self._budget)
        self._metrics.count(self._notes)
        self._notes.clear()
        return self._metrics

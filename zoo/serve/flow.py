"""How fast answers stream: events a second for each model, about one for each token.

Engines send one server-sent event for each token, give or take a few for the frame around them. To count
events costs next to nothing; answers that do not stream are not counted.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass

KEPT = 300


@dataclass(frozen=True, slots=True)
class Sample:
    """The rates of one stretch of time.

    Attributes:
        at: When it ended, in seconds since 1970.
        rates: Events a second, of each model that had any.
    """

    at: float
    rates: Mapping[str, float]


class Flow:
    """Counts events on their way to clients."""

    def __init__(self) -> None:
        self._events: Counter[str] = Counter()
        self._since: float | None = None
        self.samples: deque[Sample] = deque(maxlen=KEPT)

    def count(self, model: str, data: bytes) -> None:
        """Count the events whose ends are in these bytes of a stream."""
        self._events[model] += data.count(b"\n\n")

    def sample(self, now: float) -> Sample:
        """Note how fast it went since the last sample; the first one is of nothing."""
        length = 0.0 if self._since is None else now - self._since
        rates = {model: count / length for model, count in self._events.items() if count and length > 0}
        self._events.clear()
        self._since = now
        self.samples.append(Sample(now, rates))
        return self.samples[-1]

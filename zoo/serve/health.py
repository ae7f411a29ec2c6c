"""When a model whose engine failed may be started again: pure, from when it failed and how long it ran."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.errors import EngineDown
from zoo.serve.units import spell_seconds

FIRST, CAP = 0.5, 30.0  # seconds until the next start after two failures in a row, and after many
FAILURES = 5  # so many in a row, and it is given up
GIVEN_UP = 300.0  # seconds for which it is left alone then
WELL = 10.0  # seconds after which an engine that dies had run well: the count starts afresh


@dataclass(slots=True)
class Health:
    """How the engines of one model have done lately.

    Attributes:
        failures: How often in a row one did not start, or died soon.
        until: The moment before which none is started.
        problem: How the last one failed, with its last words; None where it did not, or answers now.
    """

    failures: int = 0
    until: float = float("-inf")
    problem: str | None = None

    @property
    def given_up(self) -> bool:
        """Whether it failed so often that nothing starts it but somebody who asks for it."""
        return self.failures >= FAILURES

    def failed(self, now: float, problem: str, *, ran: float = 0.0) -> None:
        """Note that an engine did not start, or died after so many seconds."""
        self.failures = 1 if ran >= WELL else self.failures + 1
        self.problem = problem
        self.until = now + self._pause()

    def _pause(self) -> float:
        """Seconds until the next start: none after a single failure, which a request should not notice."""
        if self.given_up:
            return GIVEN_UP
        return 0.0 if self.failures == 1 else min(CAP, FIRST * 2 ** (self.failures - 2))

    def wait(self, now: float) -> float:
        """Seconds until it may be started; 0 for at once."""
        return max(0.0, self.until - now)

    def require(self, name: str, now: float) -> None:
        """See that the engine of this model may be started.

        Raises:
            EngineDown: Not yet; the message has how it failed, with its last words.
        """
        wait = self.wait(now)
        if wait == 0:
            return
        times = f"{self.failures} times in a row"
        then = f"left alone for {spell_seconds(wait)}" if self.given_up else "started again soon"
        raise EngineDown(
            f"the engine of {name} failed {times} and is {then}; the last time: {self.problem}",
            hint=f"`eai logs {name}` shows what it said",
            retry_after=wait,
        )

    def forgive(self) -> None:
        """Somebody wants it started all the same."""
        self.failures, self.until = 0, float("-inf")

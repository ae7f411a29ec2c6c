"""Asking again: what a network broke is tried a few times, with longer and longer waits."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from zoo.errors import Interrupted

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How often something is tried again, and how long is waited before.

    Attributes:
        retries: How often, after the first time.
        first: Seconds before the first retry; they double from one to the next.
        longest: Seconds that are never exceeded; who asks for more is given up.
        pinning: Seconds that a service may take to pin what it was told to, before we stop waiting.
        sleep: Waits for so many seconds.
        clock: Says how many seconds it is.
    """

    retries: int = 5
    first: float = 0.5
    longest: float = 120
    pinning: float = 1800
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def delay(self, error: Interrupted, failures: int) -> float:
        """Say how many seconds to wait after so many failures."""
        if error.retry_after is not None:
            return error.retry_after
        # Not all at once: clients that were cut off together would come back together.
        return min(self.first * 2.0 ** (failures - 1), self.longest) * random.uniform(0.5, 1)  # noqa: S311 - no secret


def again(
    action: Callable[[], _Result], patience: Patience, told: Callable[[Interrupted, float], None]
) -> _Result:
    """Do something until it is done, or was interrupted too often.

    Args:
        action: What; it must go on from where it was when it is called again.
        patience: How often, and after which waits.
        told: Is called before each wait with what went wrong, and with how long it will be.

    Raises:
        Interrupted: The last time too, or the wait that is asked for is too long.
        EaiError: Whatever else it raises, at once.
    """
    failures = 0
    while True:
        try:
            return action()
        except Interrupted as error:
            failures += 1
            delay = patience.delay(error, failures)
            if failures > patience.retries or delay > patience.longest:
                raise _given_up(error, patience) from None
            told(error, delay)
            patience.sleep(delay)


def _given_up(error: Interrupted, patience: Patience) -> Interrupted:
    hint = "run the command again: what was sent whole is not sent again"
    if error.retry_after is not None and error.retry_after > patience.longest:
        hint = f"it asks us to come back in {error.retry_after:.0f} s; {hint}"
    return Interrupted(error.message, hint=error.hint or hint, retry_after=error.retry_after)

"""How much each API key may ask: requests a minute, and requests at a time."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from zoo.serve.keys import Key
from zoo.serve.refusal import Refusal

_MINUTE = 60.0
_SOON = "1"


@dataclass(slots=True)
class _Used:
    """What a key has left: a bucket that fills evenly, up to what it may have in a minute."""

    left: float
    seen: float
    under_way: int = 0


class Allowances:
    """Counts what the keys of a proxy use.

    Args:
        clock: Seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._used: dict[bytes, _Used] = {}

    def enter(self, key: Key) -> Refusal | None:
        """Begin a request with a key; None where it may be, and then `leave` ends it."""
        now = self._clock()
        used = self._used.setdefault(key.sha256, _Used(key.requests_per_minute or 0, now))
        if key.concurrent is not None and used.under_way >= key.concurrent:
            return _too_many(f"this key may have {key.concurrent} requests under way at a time", _SOON)
        if key.requests_per_minute is not None:
            rate = key.requests_per_minute / _MINUTE
            used.left = min(key.requests_per_minute, used.left + (now - used.seen) * rate)
            used.seen = now
            if used.left < 1:
                wait = str(math.ceil((1 - used.left) / rate))
                return _too_many(f"this key may send {key.requests_per_minute} requests a minute", wait)
            used.left -= 1
        used.under_way += 1
        return None

    def leave(self, key: Key) -> None:
        """End a request that was let in."""
        self._used[key.sha256].under_way -= 1


def _too_many(message: str, wait: str) -> Refusal:
    return Refusal(429, "rate_limit_exceeded", message, {"Retry-After": wait})

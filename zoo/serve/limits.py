"""What a connection may take: pure rules on time and number, for every way that bytes come in."""

from __future__ import annotations

import ipaddress
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

LINE, HEADERS = 8190, 64  # bytes of a header or of the request line, and how many headers there may be
DIGITS = 19  # of a body's length; Python reads no number of some thousand digits, though all be zeros


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Times in seconds.

    Attributes:
        head: In which a request's line and headers must be whole, from their first byte.
        silence: Without a byte of a body under way.
        rate: Bytes a second that a body must come with on average, after the first `silence`.
        idle: Between two requests.
        stall: In which a client must take something of what waits for it.
        connections: At a time.
        each: The same from one address; this machine's own are not counted so, since behind a reverse
            proxy everybody comes from there.
    """

    head: float = 10.0
    silence: float = 30.0
    rate: float = 1024.0
    idle: float = 75.0
    stall: float = 120.0
    connections: int = 1024
    each: int = 128

    @property
    def look(self) -> float:
        """How often to look whether somebody is late."""
        return min(1.0, self.head / 4, self.silence / 4, self.idle / 4, self.stall / 4)


class Connections:
    """Counts connections.

    Args:
        limits: How many there may be.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._by: Counter[str] = Counter()
        self.now = 0

    def enter(self, address: str) -> bool:
        """Begin one, if there may be one more; then `leave` ends it."""
        crowded = self._by[address] >= self._limits.each and not _is_here(address)
        if crowded or self.now >= self._limits.connections:
            return False
        self._by[address] += 1
        self.now += 1
        return True

    def leave(self, address: str) -> None:
        """End one."""
        self.now -= 1
        self._by[address] -= 1
        if not self._by[address]:
            del self._by[address]


Stage = Literal["idle", "head", "body", "answer"]


def _never() -> bool:
    return False


class Deadline:
    """When one connection must have got on; who has it says what happens, and asks `due`.

    Args:
        limits: The times.
        now: Seconds on a clock that never goes back, here and wherever `now` is asked for.
    """

    __slots__ = ("_answered", "_came", "_last", "_limits", "_since", "_whole", "stage")

    def __init__(self, limits: Limits, now: float) -> None:
        self._limits = limits
        self.stage: Stage = "idle"
        self._since = self._last = now
        self._came = 0
        self._whole: Callable[[], bool] = _never
        self._answered = False

    def arrived(self, size: int, now: float) -> None:
        """Bytes came from the client."""
        if self._answered and self._whole():
            self.answered(self._last)
        if self.stage == "idle":
            self.stage, self._since = "head", now
        elif self.stage == "body":
            self._last = now
            self._came += size

    def head_whole(self, now: float, whole: Callable[[], bool]) -> None:
        """The headers are whole.

        Args:
            now: The time.
            whole: Says whether the body is.
        """
        self.stage, self._whole = "body", whole
        self._since = self._last = now
        self._came, self._answered = 0, False

    def answered(self, now: float) -> None:
        """The answer is given, or is waiting to be taken by the client.

        Where nobody wanted the body, the rest of it may still be coming.
        """
        self._answered = self.stage == "body" and not self._whole()
        if not self._answered:
            self.stage, self._since, self._whole = "idle", now, _never

    def due(self) -> float:
        """When the connection is to be closed, unless something happens before."""
        if self._answered and self._whole():
            self.answered(self._last)
        if self.stage == "idle":
            return self._since + self._limits.idle
        if self.stage == "head":
            return self._since + self._limits.head
        if self.stage == "body":
            if not self._whole():
                slow = self._since + self._limits.silence + self._came / self._limits.rate
                return min(self._last + self._limits.silence, slow)
            self.stage = "answer"
        return math.inf


def _is_here(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return True  # a unix socket

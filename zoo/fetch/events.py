"""What happens while fetching, as values: whoever shows progress makes of them what it likes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from zoo.digest import Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class _About:
    """Which artifact it is about, and a name that people know it by."""

    digest: Digest | None
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Started(_About):
    """A source is asked for an artifact's bytes; it may not be the first one.

    Attributes:
        size: Of the artifact, in bytes; None while nobody knows.
        held: How many of them are there already.
        source: Its URI.
    """

    size: int | None
    held: int
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Advanced(_About):
    """So many more bytes have come."""

    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting(_About):
    """Another process is fetching it; we wait, and go on if it gives up."""

    process: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrying(_About):
    """A source broke off, and is asked again after a delay in seconds."""

    source: str
    reason: str
    delay: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed(_About):
    """A source is given up for this artifact."""

    source: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongBytes(_About):
    """A source gave other bytes than the lock says; people should know even if another one helps."""

    source: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished(_About):
    """It is in the store, verified."""

    size: int


Event = Started | Advanced | Waiting | Retrying | Failed | WrongBytes | Finished
Progress = Callable[[Event], None]
"""Is called with each event, one at a time, from any thread."""

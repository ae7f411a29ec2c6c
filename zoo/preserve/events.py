"""What happens while preserving, as values: whoever shows progress makes of them what it likes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from zoo.ipfs.cid import Cid


@dataclass(frozen=True, slots=True)
class Hashing:
    """The DAG of a file of so many bytes is about to be made."""

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class Hashed:
    """So many more bytes of it were hashed."""

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class Named:
    """A file's CID is known; nothing of it was sent."""

    name: str
    cid: Cid
    size: int


@dataclass(frozen=True, slots=True)
class Sending:
    """A file begins to be sent, anew after an interruption.

    Attributes:
        size: Bytes of all of its blocks, with what is around them.
        held: How many of those the target has already.
    """

    name: str
    target: str
    size: int
    held: int


@dataclass(frozen=True, slots=True)
class Sent:
    """So many more bytes were sent."""

    name: str
    target: str
    size: int


@dataclass(frozen=True, slots=True)
class Held:
    """The target has the whole file already: nothing is sent."""

    name: str
    target: str


@dataclass(frozen=True, slots=True)
class Checking:
    """The target is asked for what it was given: so many bytes of it are read back."""

    name: str
    target: str
    size: int


@dataclass(frozen=True, slots=True)
class Checked:
    """So many more bytes were read back, and are right."""

    name: str
    target: str
    size: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """The target works on it, and says how far it is."""

    name: str
    target: str
    status: str


@dataclass(frozen=True, slots=True)
class Retrying:
    """The target broke off, and is asked again after a delay in seconds."""

    name: str
    target: str
    reason: str
    delay: float


@dataclass(frozen=True, slots=True)
class Kept:
    """The target has the file, as far as it can be checked: `how` says how far that is."""

    name: str
    target: str
    how: str


Event = Hashing | Hashed | Named | Sending | Sent | Held | Checking | Checked | Waiting | Retrying | Kept
Progress = Callable[[Event], None]
"""Is called with each event, one at a time."""

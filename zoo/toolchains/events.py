"""What happens while a build is made of source code, as values: whoever shows progress does as it likes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class _About:
    """Which program is being made."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting(_About):
    """Another process is making it; we wait, and make it ourselves if that one gives up."""

    process: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpacking(_About):
    """The source code is being unpacked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuring(_About):
    """CMake looks at the machine; so many compilers are going to run side by side."""

    jobs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled(_About):
    """So many steps of so many are done."""

    done: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Made(_About):
    """It is there; how long that took, in seconds."""

    seconds: float


Event = Waiting | Unpacking | Configuring | Compiled | Made
Progress = Callable[[Event], None]

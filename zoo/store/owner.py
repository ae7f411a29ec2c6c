"""Who works on something: a process, told apart from any later one that gets its number.

Locks of the operating system are no help here: they lie on some network and cluster file systems.
So the owner stands in a file's name, and whether it still lives is asked of the machine.
"""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Self

_STATE, _STARTED = 0, 19  # fields of /proc/<pid>/stat behind the name, proc_pid_stat(5)
_PARTS = 3


@dataclass(frozen=True, slots=True)
class Owner:
    """A process.

    Attributes:
        machine: 16 hex digits that stand for the host, its boot and the namespace of its process numbers.
        pid: Its number there.
        started: When it began, in a unit of the machine's own; no two processes share number and start.
    """

    machine: str
    pid: int
    started: int

    @classmethod
    def me(cls) -> Self:
        """This very process."""
        pid = os.getpid()
        return cls(_machine(), pid, _started(pid) or 0)

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read `str(owner)` back; None if it is something else."""
        parts = text.split("-")
        if len(parts) != _PARTS or not (parts[1].isdecimal() and parts[2].isdecimal()):
            return None
        return cls(parts[0], int(parts[1]), int(parts[2]))

    def __str__(self) -> str:
        return f"{self.machine}-{self.pid}-{self.started}"

    def alive(self) -> bool | None:
        """Whether it still runs; None where that can't be seen from this machine."""
        if self.machine != _machine():
            return None
        return _started(self.pid) == self.started


def _machine() -> str:
    parts = [platform.node()]
    if sys.platform == "linux":
        parts.append(_text("/proc/sys/kernel/random/boot_id"))
        # Two containers may share a store, a host name and a boot, and number their processes alike.
        parts.append(str(Path("/proc/self/ns/pid").readlink()))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _started(pid: int) -> int | None:
    """When a process began; None if it doesn't run (a zombie has stopped running)."""
    if sys.platform != "linux":
        return _started_elsewhere(pid)
    # The kernel counts in ticks since the boot: setting the clock doesn't move that, as it does psutil's.
    fields = _text(f"/proc/{pid}/stat").rpartition(")")[2].split()
    if len(fields) <= _STARTED or fields[_STATE] in "ZX":
        return None
    return int(fields[_STARTED])


def _started_elsewhere(pid: int) -> int | None:
    import psutil  # noqa: PLC0415 - not needed on Linux

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else int(process.create_time() * 1000)
    except psutil.NoSuchProcess:
        return None

"""How many compilers may run side by side: bounded by cores and, since C++ takes much, by memory."""

from __future__ import annotations

import math
import os
from pathlib import Path

JOB = 3 << 29
"""Bytes that one compiler may take: 1.5 GiB, which the largest file of llama.cpp needs most of."""
_CGROUP = Path("/sys/fs/cgroup")


def count(*, cores: int | None = None, available: int | None = None, cgroup: Path = _CGROUP) -> int:
    """Say how many; at least one.

    Args:
        cores: That this process may use; asked of the machine where absent.
        available: Bytes of memory; asked of the machine where absent.
        cgroup: The folder of this process's control group.
    """
    if cores is None:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if available is None:
        import psutil  # noqa: PLC0415 - only where something is built

        available = int(psutil.virtual_memory().available)
    memory = min(available, _headroom(cgroup))
    return max(1, int(min(cores, _granted(cgroup), memory // JOB)))


def _granted(cgroup: Path) -> float:
    """The cores that a container is granted; infinite without a limit."""
    try:
        limit, _, period = (cgroup / "cpu.max").read_text("ascii").strip().partition(" ")
        return math.ceil(int(limit) / int(period))
    except (OSError, ValueError, ZeroDivisionError):  # no cgroup, or `max`
        return math.inf


def _headroom(cgroup: Path) -> float:
    """Bytes until the limit of a version 2 control group; infinite where there is none."""
    try:
        limit = int((cgroup / "memory.max").read_text("ascii"))
        used = int((cgroup / "memory.current").read_text("ascii"))
        caches = dict(line.split() for line in (cgroup / "memory.stat").read_text("ascii").splitlines())
        return limit - used + int(caches.get("inactive_file", 0))
    except (OSError, ValueError):  # no cgroup, or `max`
        return math.inf

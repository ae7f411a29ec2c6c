"""How many threads an engine should compute with here: a matter of speed alone."""

from __future__ import annotations

import math
import os
from pathlib import Path

QUOTA = Path("/sys/fs/cgroup/cpu.max")


def count(quota: Path = QUOTA) -> int:
    """Physical cores, as far as this process may use them; more threads only wait for one another."""
    import psutil  # noqa: PLC0415 - only where something is about to be served

    physical = psutil.cpu_count(logical=False) or os.cpu_count() or 1
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else physical
    granted = _granted(quota)
    return max(1, min(physical, allowed, allowed if granted is None else granted))


def _granted(quota: Path) -> int | None:
    """The cores that a container is granted; None without a limit."""
    try:
        limit, _, period = quota.read_text("ascii").strip().partition(" ")
        return math.ceil(int(limit) / int(period))
    except (OSError, ValueError, ZeroDivisionError):  # no cgroup, or `max`
        return None

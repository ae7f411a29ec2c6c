"""Room on the disk: whether what is to come fits, before anything comes."""

from __future__ import annotations

import shutil
from pathlib import Path

from zoo.errors import NoSpace

_MOST_KEPT = 1 << 30


def check(folder: Path, needed: int) -> None:
    """See that so many bytes fit, and leave 1 % of the disk free (at most 1 GiB).

    Raises:
        NoSpace: They don't; both numbers are in the message.
    """
    there = room(folder)
    if needed > there:
        raise NoSpace(
            f"{needed:,} bytes are to come, and {folder} has room for {there:,}",
            hint="make room there, or point EAI_HOME to a larger disk",
        )


def room(folder: Path) -> int:
    """Bytes that may still be written to the disk of a folder."""
    usage = shutil.disk_usage(folder)
    return max(0, usage.free - min(_MOST_KEPT, usage.total // 100))

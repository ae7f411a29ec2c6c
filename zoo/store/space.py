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
    usage = shutil.disk_usage(folder)
    room = max(0, usage.free - min(_MOST_KEPT, usage.total // 100))
    if needed > room:
        raise NoSpace(
            f"{needed:,} bytes are to come, and {folder} has room for {room:,}",
            hint="make room there, or point EAI_HOME to a larger disk",
        )

"""Reads the durations and sizes of `[server]`, and writes sizes of memory for people.

Memory is written in powers of 1024, as engines, drivers and systems count it; files in powers of 1000, as
disks and model hosts do: that is `zoo.cli.text.size`.
"""

from __future__ import annotations

import math

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_POWERS = "KMGT"
_MINUTE = 60


def seconds(duration: str) -> float | None:
    """Seconds of a duration such as `90s`, `30m` or `250ms`; None for `never`.

    The form is the one that the schema of zoofile.toml has checked.
    """
    if duration == "never":
        return None
    digits = duration.rstrip("msh")
    return int(digits) * _SECONDS[duration[len(digits) :]]


def size(text: str) -> int:
    """Bytes of a size such as `12GiB` or `1.5 GB`: powers of 1024 and of 1000."""
    number = text.rstrip("KMGTiB ")
    unit = text[len(number) :].strip()
    base = 1024 if unit.endswith("iB") else 1000
    return int(float(number) * base ** (_POWERS.index(unit[0]) + 1))


def spell(size_in_bytes: int) -> str:
    """Write bytes of memory as a person reads them: `812 MiB`, `7.4 GiB`."""
    mib = size_in_bytes / 2**20
    return f"{mib / 1024:.1f} GiB" if mib >= 1024 else f"{mib:.0f} MiB"  # noqa: PLR2004 - MiB in a GiB


def spell_seconds(duration: float) -> str:
    """Write seconds as a person reads them, rounded up: `5 s`, `3 min`."""
    whole = math.ceil(duration)
    return f"{whole} s" if whole < _MINUTE else f"{math.ceil(whole / _MINUTE)} min"

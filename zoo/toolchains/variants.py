"""The names of variants: a family such as `cuda`, or one of its members such as `cuda-12.8`."""

from __future__ import annotations

from packaging.version import InvalidVersion, Version


def number(family: str, variant: str) -> str | None:
    """What a variant's name has beyond that of its family: empty if nothing, None if it is no member."""
    if variant == family:
        return ""
    return variant[len(family) + 1 :] if variant.startswith(f"{family}-") else None


def newness(number: str) -> tuple[bool, Version, str]:
    """Order the numbers of a family: versions by their size, above all that is no version."""
    try:
        return True, Version(number), number
    except InvalidVersion:
        return False, Version("0"), number

"""The names of variants: a family such as `cuda`, or one of its members such as `cuda-12.8`."""

from __future__ import annotations

from collections.abc import Iterable

from packaging.version import InvalidVersion, Version

JETSON = "jetson"
"""Stands for the builds for all of NVIDIA's Jetson boards, of which each board takes its own."""
BOARDS = ("cuda-orin", "cuda-orin-nano", "cuda-thor", "cuda-xavier")


def expanded(asked: Iterable[str]) -> tuple[str, ...]:
    """Say which variants are asked for, each once: `jetson` is one for each board."""
    every = (each for variant in asked for each in (BOARDS if variant == JETSON else (variant,)))
    return tuple(dict.fromkeys(every))


def board(variant: str) -> str | None:
    """The Jetson board that a variant is for, such as `orin-nano`; None where it is for none of its own."""
    return variant.removeprefix("cuda-") if variant in BOARDS else None


def number(family: str, variant: str) -> str | None:
    """What a variant's name has beyond that of its family: empty if nothing, None if it is no member."""
    if variant == family or (family == JETSON and variant in BOARDS):
        return ""
    return variant[len(family) + 1 :] if variant.startswith(f"{family}-") else None


def newness(number: str) -> tuple[bool, Version, str]:
    """Order the numbers of a family: versions by their size, above all that is no version."""
    try:
        return True, Version(number), number
    except InvalidVersion:
        return False, Version("0"), number

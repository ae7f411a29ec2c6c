"""Numbers that options take, and what is said of those that will not do."""

from __future__ import annotations

import argparse
from collections.abc import Callable

_LARGEST = 1e6
"""Gigabytes: a petabyte, which no machine has."""


def whole(least: int, most: int) -> Callable[[str], int]:
    """Make the reader of a whole number between two, which may be either of them.

    As `choices`, argparse would list every number in between.
    """

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if not least <= number <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {least} to {most}")
        return number

    return read


def gigabytes(text: str) -> float:
    """Read a number of gigabytes, which is more than none."""
    try:
        number = float(text)
    except ValueError:
        number = 0
    if not 0 < number < _LARGEST:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of gigabytes")
    return number

"""Small words for people, counts and sizes, and from them: a port."""

from __future__ import annotations


def count(number: int, noun: str) -> str:
    """`1 model`, `2 models`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def size(number: float) -> str:
    """Bytes of files, in the decimal units that disks and model hosts count in: `5.0 GB`.

    Memory is counted in binary ones: `zoo.serve.units.spell`.
    """
    if number < 1000:  # noqa: PLR2004 - the first unit
        return count(int(number), "byte")
    for unit in ("kB", "MB", "GB"):
        number /= 1000
        if number < 999.95:  # noqa: PLR2004 - what would be shown as 1000.0
            return f"{number:.1f} {unit}"
    return f"{number / 1000:.1f} TB"


def port(text: str) -> int:
    """A port; argparse shows the name of this function where it is none."""
    number = int(text)
    if not 0 <= number <= 65535:  # noqa: PLR2004 - what TCP has
        raise ValueError(text)
    return number

"""File names that may come from outside and become paths: only clean ones pass."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from zoo.errors import EaiError

_LONGEST = 255


def clean(name: str) -> str:
    """Give the name back if it is a relative path without surprises.

    Raises:
        EaiError: It is absolute, climbs, or holds what no file name should.
    """
    parts = name.split("/")
    if any(part in {"", ".", ".."} or len(part.encode(errors="replace")) > _LONGEST for part in parts):
        raise EaiError(f"{name!r} is no clean relative path")
    if any(char in '\\:*?"<>|' or not char.isprintable() for char in name):
        raise EaiError(f"{name!r} holds a character that not every file system takes")
    return name


def distinct(names: Iterable[str]) -> None:
    """Check that the names stay apart where case and Unicode forms don't count, as on macOS.

    Raises:
        EaiError: Two are the same there, or one is a folder of the other.
    """
    seen: dict[str, str] = {}
    for name in names:
        folded = unicodedata.normalize("NFC", name).casefold()
        if folded in seen:
            raise EaiError(f"{seen[folded]!r} and {name!r} are one name to some file systems")
        seen[folded] = name
    for folded, name in seen.items():
        parts = folded.split("/")
        for depth in range(1, len(parts)):
            if (above := "/".join(parts[:depth])) in seen:
                raise EaiError(f"{seen[above]!r} can't be a file and the folder of {name!r}")

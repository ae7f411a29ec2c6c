"""On which line of a zoofile a key stands: tomllib tells no positions, so they are found by parsing again.

Only errors and edits need this, so it may take its time, but it must be exact: a statement is the
shortest run of lines that tomllib takes for a document of its own.
"""

from __future__ import annotations

import tomllib
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from zoo.zoofile.problem import Keys

_LONGEST = 1000
"""Lines that one statement may span; what is longer is taken for one that goes on to the end."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A table's header, a key with its value, a comment or a blank line.

    Attributes:
        start: Its first line, from 0.
        stop: The line after its last.
        text: With its line ends.
    """

    start: int
    stop: int
    text: str

    @property
    def blank(self) -> bool:
        """Whether nothing is said."""
        return not self.text.strip()

    @property
    def comment(self) -> bool:
        """Whether only a person's remark is said."""
        return self.text.lstrip().startswith("#")

    @property
    def header(self) -> bool:
        """Whether a table begins."""
        return self.text.lstrip().startswith("[")


def split_lines(text: str) -> list[str]:
    """Split where TOML does: at line feeds alone; each line keeps its end."""
    lines = text.split("\n")
    return [f"{line}\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


def statements(text: str) -> list[Statement]:
    """Split a valid document into its statements, none of its characters lost."""
    lines = split_lines(text)
    found: list[Statement] = []
    start = 0
    while start < len(lines):
        stop = _end(lines, start)
        found.append(Statement(start, stop, "".join(lines[start:stop])))
        start = stop
    return found


def _end(lines: Sequence[str], start: int) -> int:
    chunk = ""
    for number in range(start, min(start + _LONGEST, len(lines))):
        chunk += lines[number]
        try:
            tomllib.loads(chunk)
        except tomllib.TOMLDecodeError:
            continue
        return number + 1
    return len(lines)


def lines_of(text: str, paths: Sequence[Keys]) -> list[int]:
    """Find, for each path of keys, the line (from 1) of the statement that first holds it.

    Where the document does not hold all of a path, the longest part of it that is there counts.
    """
    found = statements(text)
    lines = split_lines(text)
    parsed: dict[int, dict[str, Any]] = {}

    def prefix(count: int) -> dict[str, Any]:
        if count not in parsed:
            parsed[count] = tomllib.loads("".join(lines[: found[count].stop]))
        return parsed[count]

    def line(keys: Keys) -> int:
        depth = _depth(tomllib.loads(text), keys)
        at = bisect_left(range(len(found)), True, key=lambda n: _depth(prefix(n), keys) >= depth)  # noqa: FBT003 - bisect looks for it
        return found[at].start + 1 if found else 1

    return [line(keys) for keys in paths]


def _depth(value: object, keys: Keys) -> int:
    """How many of the keys, from the first, are there."""
    for count, key in enumerate(keys):
        try:
            value = value[key]  # type: ignore[index]  # what is no table or array says so
        except (KeyError, IndexError, TypeError):
            return count
    return len(keys)

"""On which line of a zoofile a key stands: tomllib tells no positions, so it parses again, bit by bit.

Only errors and edits need this, so it may take its time, but it must be exact: a statement is the
shortest run of lines that tomllib takes for a document of its own.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
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
        tree: What it means alone.
    """

    start: int
    stop: int
    text: str
    tree: dict[str, Any]

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

    @property
    def many(self) -> bool:
        """Whether the table that begins is one more of an array, `[[…]]`."""
        return self.text.lstrip().startswith("[[")

    def header_keys(self) -> tuple[str, ...]:
        """The path that a header names."""
        keys: list[str] = []
        value: Any = self.tree
        while value:
            if isinstance(value, list):
                value = value[0]
                continue
            keys += value
            value = value[keys[-1]]
        return tuple(keys)


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
        stop, tree = _end(lines, start)
        found.append(Statement(start, stop, "".join(lines[start:stop]), tree))
        start = stop
    return found


def _end(lines: Sequence[str], start: int) -> tuple[int, dict[str, Any]]:
    chunk = ""
    for number in range(start, min(start + _LONGEST, len(lines))):
        chunk += lines[number]
        try:
            return number + 1, tomllib.loads(chunk)
        except tomllib.TOMLDecodeError:
            continue
    return len(lines), tomllib.loads("".join(lines[start:]))


def lines_of(text: str, paths: Sequence[Keys]) -> list[int]:
    """Find, for each path of keys, the line (from 1) of the statement that first holds it.

    Where the document does not hold all of a path, the longest part of it that is there counts.
    """
    best = [(0, 1)] * len(paths)
    for section, statement in _placed(statements(text)):
        for at, keys in enumerate(paths):
            depth = _shared(section, keys)
            if depth == len(section) and not statement.header:
                depth += _depth(statement.tree, keys[depth:])
            if depth > best[at][0]:
                best[at] = (depth, statement.start + 1)
    return [line for _, line in best]


def _placed(found: Sequence[Statement]) -> Iterator[tuple[Keys, Statement]]:
    """Each statement that says something, with the path of the table that it is in or begins."""
    section: Keys = ()
    lengths: dict[Keys, int] = {}  # of the arrays of tables so far
    for statement in found:
        if statement.header:
            section = ()
            for key in statement.header_keys():
                section = _last(section, lengths)
                section = (*section, key)
            if statement.many:
                lengths[section] = lengths.get(section, 0) + 1
            section = _last(section, lengths)
        if statement.tree:
            yield section, statement


def _last(path: Keys, lengths: dict[Keys, int]) -> Keys:
    """The path into the last table of an array, if it leads to such an array."""
    return (*path, lengths[path] - 1) if path in lengths else path


def _shared(one: Keys, other: Keys) -> int:
    """How many keys two paths have in common at their beginning."""
    for count, (a, b) in enumerate(zip(one, other, strict=False)):
        if a != b:
            return count
    return min(len(one), len(other))


def _depth(value: object, keys: Keys) -> int:
    """How many of the keys, from the first, are there."""
    for count, key in enumerate(keys):
        try:
            value = value[key]  # type: ignore[index]  # what is no table or array says so
        except (KeyError, IndexError, TypeError):
            return count
    return len(keys)

"""Edit `models = { … }`, which is one statement, without touching what else is in it.

Where a brace closes and where a comma separates is asked of tomllib: it takes the text cut there for a
document, and at no other place.
"""

from __future__ import annotations

import tomllib


def add_entry(statement: str, entry: str) -> str:
    """Add `entry`, a key with its value, behind the others."""
    head, inside, tail = _parts(statement)
    said = inside.rstrip()
    comma = ", " if said else ""
    return f"{head}{said}{comma}{entry}{inside[len(said) :]}{tail}"


def remove_entry(statement: str, name: str) -> str:
    """Take out all entries of one key."""
    head, inside, tail = _parts(statement)
    entries = _entries(head, inside)
    left = [entry for entry in entries if name not in _table(f"{head}{entry}}}")]
    last = entries[-1]
    if left and left[-1] != last:
        left[-1] += last[len(last.rstrip()) :]
    return f"{head}{','.join(left) or last[len(last.rstrip()) :]}{tail}"


def _parts(statement: str) -> tuple[str, str, str]:
    """All up to the opening brace, what is inside, and all from the closing brace on."""
    opens = statement.index("{") + 1
    closes = statement.index("}")
    while not _parses(statement[: closes + 1]):
        closes = statement.index("}", closes + 1)
    return statement[:opens], statement[opens:closes], statement[closes:]


def _entries(head: str, inside: str) -> list[str]:
    found: list[str] = []
    start = 0
    for at, character in enumerate(inside):
        if character == "," and _parses(f"{head}{inside[:at]}}}"):
            found.append(inside[start:at])
            start = at + 1
    return [*found, inside[start:]]


def _parses(text: str) -> bool:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    return True


def _table(statement: str) -> dict[str, object]:
    (table,) = tomllib.loads(statement).values()
    return dict(table)

"""Git's conflict markers: whether a text has them, and the texts that it could have been."""

from __future__ import annotations

from itertools import product

from zoo.errors import LockError

_OURS, _BASE, _THEIRS, _END = "<<<<<<<", "|||||||", "=======", ">>>>>>>"
_DEEPEST = 4


def is_conflicted(text: str) -> bool:
    """Whether a line of the text begins a conflict. No line of a lock does."""
    return text.startswith(_OURS) or f"\n{_OURS}" in text


def sides(text: str) -> tuple[str, ...]:
    """Split a conflicted text into what it would be, were one side taken throughout.

    The common ancestor of diff3 style is left out. A conflict inside a side of another doubles the
    number of texts: one for each choice at each depth.

    Raises:
        LockError: The markers do not match, or conflicts lie in each other too deeply.
    """
    lines = [(_marker(line), line) for line in text.splitlines(keepends=True)]
    depth = _depth(lines)
    return tuple(dict.fromkeys(_side(lines, choice) for choice in product((_OURS, _THEIRS), repeat=depth)))


def _marker(line: str) -> str | None:
    """The marker that a line is: seven characters, then nothing or a label."""
    head, rest = line[:7], line[7:].rstrip("\r\n")
    if head in {_OURS, _BASE, _THEIRS, _END} and (not rest or rest.startswith(" ")):
        return head
    return None


def _depth(lines: list[tuple[str | None, str]]) -> int:
    """How deep conflicts lie in each other; 0 where there is none."""
    follows = {_BASE: {_OURS}, _THEIRS: {_OURS, _BASE}, _END: {_THEIRS}}
    stack: list[str] = []
    deepest = 0
    for number, (marker, _) in enumerate(lines, 1):
        if marker == _OURS:
            stack.append(marker)
            deepest = max(deepest, len(stack))
        elif marker is not None:
            if not stack or stack.pop() not in follows[marker]:
                raise _unmatched(f"line {number}")
            if marker != _END:
                stack.append(marker)
    if stack:
        raise _unmatched("the last one is not closed")
    if deepest > _DEEPEST:
        raise _unmatched(f"conflicts lie {deepest} deep in each other")
    return deepest


def _side(lines: list[tuple[str | None, str]], choice: tuple[str, ...]) -> str:
    """The lines that stand outside of conflicts, or on the chosen side at every depth."""
    stack: list[str] = []
    kept = []
    for marker, line in lines:
        if marker is None:
            if all(at == wanted for at, wanted in zip(stack, choice, strict=False)):
                kept.append(line)
        elif marker == _OURS:
            stack.append(marker)
        elif marker == _END:
            stack.pop()
        else:
            stack[-1] = marker
    return "".join(kept)


def _unmatched(where: str) -> LockError:
    return LockError(
        f"the conflict markers in zoo.lock do not match: {where}",
        hint="take one side (`git checkout --ours zoo.lock`), then run `eai lock`",
    )

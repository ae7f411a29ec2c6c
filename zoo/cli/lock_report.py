"""What locking changed, as lines for people."""

from __future__ import annotations

from collections.abc import Sequence

from zoo.cli.text import count, size
from zoo.lock.diff import Change
from zoo.lock.model import Lock

_MARKS = {"added": "+", "removed": "-", "changed": "~"}


def line(change: Change) -> str:
    """Say one change: `~ qwen3: 9fab14a → 3d2d8f2 (2 files, 5.0 GB)`."""
    mark = _MARKS[change.action]
    told = " → ".join(value for value in (change.before, change.after) if value is not None)
    if change.what == "pin":
        noun = "build" if change.subject == "toolchain" else "file"
        return f"{mark} {change.name}: {told} ({count(change.files, noun)}, {size(change.size)})"
    if change.what == "source":
        return f"{mark} {change.name}: {told}"
    return f"{mark} {change.name}: {change.what} {told}"


def summary(lock: Lock, changes: Sequence[Change]) -> str:
    """Say what became of everything: `locked 3 models, 1 toolchain: 2 kept, 1 new, 1 changed`."""
    names = [*(model.name for model in lock.model), *(tool.name for tool in lock.toolchain)]
    entries = [change for change in changes if change.subject in {"model", "toolchain"}]
    new = {change.name for change in entries if change.action == "added"}
    gone = {change.name for change in entries if change.action == "removed"}
    changed = {change.name for change in entries if change.action == "changed"}
    numbers = {
        "kept": len(names) - len(new) - len(changed),
        "new": len(new),
        "changed": len(changed),
        "removed": len(gone),
    }
    told = ", ".join(f"{number} {what}" for what, number in numbers.items() if number)
    return f"locked {contents(lock)}" + (f": {told}" if told else "")


def contents(lock: Lock) -> str:
    """`3 models, 1 toolchain`."""
    return f"{count(len(lock.model), 'model')}, {count(len(lock.toolchain), 'toolchain')}"

"""`eai lock` itself: from what was locked to what the zoofile asks for, with as little change as can be."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from zoo.cli.lock_report import contents, line, summary
from zoo.cli.output import Output
from zoo.cli.project import LOCK, Project
from zoo.lock import toml
from zoo.lock.check import faults
from zoo.lock.diff import diff
from zoo.lock.merge import Merged, is_conflicted, merge, unite
from zoo.lock.model import Lock
from zoo.toolchains.advisories import warnings

Resolver = Callable[[Lock | None], Lock]


def write(project: Project, resolver: Resolver, out: Output, *, as_json: bool = False) -> int:
    """Lock the project.

    Args:
        project: Where zoo.lock is, or will be.
        resolver: Makes the new lock, of the old one.
        out: Where to say what changed.
        as_json: Whether to write the changes as JSON.

    Raises:
        LockError: The old lock cannot be read, or it changed meanwhile.
        EaiError: Whatever resolving raises.
    """
    seen = toml.read(project.lock) if project.lock.exists() else b""
    old = _previous(seen, out)
    new = resolver(old)
    written = toml.write(project.lock, new, seen=seen)
    changes = diff(old, new)
    for warning in warnings(new):
        out.warn(f"{warning}\nhint: `eai lock --upgrade-toolchain NAME` pins a newer build")
    if as_json:
        out.json({"written": written, "changes": [msgspec.to_builtins(change) for change in changes]})
        return 0
    for change in changes:
        out.say(line(change))
    out.say(summary(new, changes) if written else f"{LOCK} is fresh already: {contents(new)}")
    return 0


def _previous(seen: bytes, out: Output) -> Lock | None:
    """What was locked; of a conflicted or broken lock, what is left of it once it is merged."""
    if not seen:
        return None
    text = toml.decode(seen)
    if is_conflicted(text):
        return _told("merged", merge(text), out)
    lock = toml.loads(text)
    return _told("repaired", unite([lock]), out) if any(faults(lock)) else lock


def _told(done: str, merged: Merged, out: Output) -> Lock:
    again = f"{len(merged.unresolved)} resolved again"
    names = f" ({', '.join(merged.unresolved)})" if merged.unresolved else ""
    out.say(f"{done} {LOCK}: {len(merged.kept)} kept, {again}{names}")
    return merged.lock

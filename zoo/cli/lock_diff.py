"""`eai lock --diff`: how zoo.lock differs from what git has, or from another file."""

from __future__ import annotations

import subprocess
from pathlib import Path

import msgspec

from zoo.cli.lock_report import line
from zoo.cli.output import Output
from zoo.cli.project import LOCK, Project
from zoo.errors import EaiError, UsageError
from zoo.lock import toml
from zoo.lock.check import validate
from zoo.lock.diff import diff
from zoo.lock.model import Lock


def show(project: Project, against: str, out: Output, *, as_json: bool) -> int:
    """Show what changed from the lock of a revision, or in a file, to the project's.

    Raises:
        UsageError: It is neither a file nor a revision.
        EaiError: There is no git.
        LockError: One of the locks cannot be read.
    """
    new = toml.load(project.require_lock())
    changes = diff(_other(project.folder, against), new)
    if as_json:
        out.json([msgspec.to_builtins(change) for change in changes])
        return 0
    for change in changes:
        out.print(line(change))
    if not changes:
        out.say(f"{LOCK} is as in {against}")
    return 0


def _other(folder: Path, against: str) -> Lock | None:
    """The lock to compare with; None where the revision has none yet."""
    if Path(against).is_file():
        return toml.load(Path(against))
    if (
        against.startswith("-")
        or _git(folder, "rev-parse", "--verify", "--quiet", f"{against}^{{commit}}") is None
    ):
        raise UsageError(
            f"{against} is neither a file nor a git revision in {folder}",
            hint="`eai lock --diff FILE` compares with any lock",
        )
    content = _git(folder, "show", f"{against}:./{LOCK}")
    if content is None:
        return None
    name = f"{against}:{LOCK}"
    lock = toml.loads(toml.decode(content, name=name), name=name)
    validate(lock, name=name)
    return lock


def _git(folder: Path, *words: str) -> bytes | None:
    """What git answers; None where it says that there is no such thing."""
    try:
        done = subprocess.run(["git", "-C", folder, *words], capture_output=True, check=False)  # noqa: S607 - the git that the person uses
    except FileNotFoundError:
        raise EaiError(
            "git is not installed, so there is no revision to compare with",
            hint="`eai lock --diff FILE` compares with any lock",
        ) from None
    return done.stdout if done.returncode == 0 else None

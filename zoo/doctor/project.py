"""A project: its zoofile and its lock, and what stands between them and an answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from zoo.digest import Digest
from zoo.doctor import engines
from zoo.doctor.engines import Engine
from zoo.doctor.finding import Finding
from zoo.errors import EaiError
from zoo.fetch.plan import needed
from zoo.lock import toml
from zoo.lock.freshness import Stale, stale, toolchain_requests
from zoo.lock.model import Build, Lock
from zoo.platform import Platform
from zoo.serve.units import spell
from zoo.toolchains.machine import Machine
from zoo.zoofile import read
from zoo.zoofile.model import Zoofile

_T = TypeVar("_T")
_LOCK_IT = "run `eai lock`, then commit zoo.lock"


class _Closable(Protocol):
    def close(self) -> object: ...


Listen = Callable[[str, int], _Closable]


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """What a project's two files say.

    Attributes:
        folder: Where they are.
        zoofile: What is wanted; None where that cannot be read.
        lock: What is locked; None where there is none, or it cannot be read.
        stale: Where the two differ.
        problems: Why something cannot be read.
    """

    folder: Path
    zoofile: Zoofile | None = None
    lock: Lock | None = None
    stale: tuple[Stale, ...] = ()
    problems: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """What of a lock is not in the store yet: how many files, and how many bytes."""

    files: int = 0
    size: int = 0


def look(folder: Path) -> Files:
    """Read a project's files; what is wrong with them is a finding, and no reason to stop."""
    problems: list[Finding] = []
    zoofile = _tried(lambda: read.load(folder / "zoofile.toml"), folder / "zoofile.toml", problems)
    lock = _tried(lambda: toml.load(folder / "zoo.lock"), folder / "zoo.lock", problems)
    found: tuple[Stale, ...] = ()
    if zoofile is not None and lock is not None:
        try:
            found = stale(lock, zoofile)
        except EaiError as error:
            problems.append(Finding.of(error))
    return Files(folder=folder, zoofile=zoofile, lock=lock, stale=found, problems=tuple(problems))


def _tried(load: Callable[[], _T], path: Path, problems: list[Finding]) -> _T | None:
    try:
        return load() if path.is_file() else None
    except EaiError as error:
        problems.append(Finding.of(error))
        return None


def checks(files: Files) -> Iterator[Finding]:
    """Find what is wrong with a project's files."""
    yield from files.problems
    broken = bool(files.problems)
    if files.zoofile is None and not broken:
        yield Finding(
            "note",
            f"there is no zoofile.toml beside {files.folder / 'zoo.lock'}",
            "`eai up --frozen` serves the lock as it is",
        )
    if files.lock is None and not broken:
        yield Finding("error", f"there is no zoo.lock in {files.folder}", _LOCK_IT)
    if files.lock is not None and not files.lock.model:
        yield Finding(
            "error",
            f"zoo.lock of {files.folder} has no model, so there is nothing to serve",
            "`eai catalog` lists models, `eai add NAME` adds one; then run `eai lock`",
        )
    for each in files.stale:
        yield Finding("error", f"zoo.lock is out of date: {each.name}: {each.reason}", _LOCK_IT)


def engines_of(files: Files | None, platform: Platform, machine: Machine) -> tuple[Engine, ...]:
    """Judge the engines that are locked, or else asked for; where nothing is asked, the usual one."""
    if files is not None and files.lock is not None:
        return tuple(engines.locked(each, platform, machine) for each in files.lock.toolchain)
    zoofile = files.zoofile if files is not None and files.zoofile is not None else Zoofile()
    asked = (
        engines.requested(name, request, platform, machine)
        for name, request in toolchain_requests(zoofile).items()
    )
    return tuple(each for each in asked if each is not None)


def to_come(lock: Lock, builds: Mapping[str, Build], has: Callable[[Digest], bool]) -> Missing:
    """Count what `eai up` would fetch.

    Args:
        lock: What is locked.
        builds: The builds that are taken.
        has: Whether the store has a file; nothing is read again for this.
    """
    missing = [each.size for each in needed(lock, builds.values()) if not has(each.digest)]
    return Missing(files=len(missing), size=sum(missing))


def space(missing: Missing, room: int) -> Iterator[Finding]:
    """Find whether what is to come fits on the disk."""
    if missing.size > room:
        yield Finding(
            "error",
            f"{missing.size:,} bytes are to come, and the disk has room for {room:,}",
            "make room there, or point EAI_HOME to a larger disk",
        )


def memory(lock: Lock, budget: int, *, gpu: bool) -> Iterator[Finding]:
    """Find the models that need more memory than all may take together.

    Args:
        lock: What is locked.
        budget: Bytes that the loaded models may take together.
        gpu: Whether the engine may keep layers on a GPU, and then needs less of the host's.
    """
    for model in lock.model:
        if model.memory > budget:
            yield Finding(
                "error" if model.settings.main and not gpu else "warning",
                f"{model.name} needs {spell(model.memory)} of memory, and the loaded models may take "
                f"{spell(budget)} together",
                "a smaller context-length needs less; `memory` of [server] says how much there may be",
            )


def port(lock: Lock, listen: Listen) -> Iterator[Finding]:
    """Find whether the port can be listened on; it is given back at once."""
    try:
        with closing(listen(lock.server.host, lock.server.port)):
            pass
    except EaiError as error:
        yield Finding.of(error)

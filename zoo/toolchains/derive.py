"""Makes builds of source code: the same source and recipe lie at the same path of the store, made once.

The name of the tree follows from what goes in, and not from what comes out or from which compiler made
it: that, and the digest of what came out, are written down in the tree.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import msgspec

from zoo import platform
from zoo.digest import Digest
from zoo.errors import EaiError, EngineError, IntegrityError
from zoo.lock.model import Build, Recipe
from zoo.store import Store, durable, hashing, trees
from zoo.store.ingest import Held, temporary
from zoo.toolchains import cmake, events, jobs, tools
from zoo.toolchains.tarball import untar

BUILDER = "eai source build 1"
"""Changes when the same recipe would be built another way."""
RECORD = ".eai-build.json"
_LOOK = 0.2  # seconds between two looks at a build that another process makes
_ROOM = 20  # how much larger than its archive source code and all that is made of it may become
_LIBRARIES = (".so", ".dylib")


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What was written down of a build: for people, it decides nothing.

    Attributes:
        source: The digest of its source archive.
        tools: What each tool said of its version.
        output: BLAKE3 over the names and digests of the files that came out.
        seconds: How long it took.
    """

    builder: str
    source: str
    recipe: Recipe
    tools: dict[str, str]
    output: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """What a build has of this machine.

    Attributes:
        search: The folders in which tools are looked for, as a PATH names them.
        tell: Is told what happens.
        jobs: Says how many compilers may run side by side.
    """

    search: str
    tell: events.Progress
    jobs: Callable[[], int] = jobs.count

    @classmethod
    def this(cls) -> Self:
        """This machine, with nobody to tell."""
        return cls(search=tools.places(os.environ), tell=lambda _: None)


def key(build: Build) -> str:
    """Name the tree of a build by all that goes into it, the compiler apart.

    Where the lock says what the source code is by its tree, it does not matter how that was packed.

    Raises:
        ValueError: The build has no recipe.
    """
    from blake3 import blake3  # noqa: PLC0415 - only for builds of source code

    recipe = _recipe(build)
    inputs = [
        BUILDER,
        build.tree or build.digest,
        recipe.folder,
        recipe.flags,
        recipe.targets,
        build.platform,
    ]
    return f"source-{blake3(json.dumps([*inputs, build.variant]).encode()).hexdigest()}"


def made(build: Build, store: Store, workshop: Workshop) -> Path:
    """The tree of a build, made now unless it is there; if another process makes it, that is waited for.

    Raises:
        EaiError: The source archive is not in the store, or has no form that is unpacked.
        EngineError: It is for another platform, a tool is missing, or a step failed. Nothing stays.
        IntegrityError: What the archive holds is not the locked tree, or is refused.
        NoSpace: The disk is full, or would be.
    """
    name = key(build)
    if (tree := store.tree(name)) is not None:
        return tree
    found = _found(build, store, workshop)
    with _turn(store, name, build, workshop) as mine:
        store.tidy()
        return store.add_tree(name, lambda folder: _fill(build, store, folder, mine, found))


def source_tree(build: Build, store: Store) -> str:
    """Unpack the source code of a build, whose archive is in the store, to say its digest; nothing stays.

    Raises:
        EaiError: As by `zoo.toolchains.tarball.untar`.
        NoSpace: The disk is full.
    """
    with _work(store) as work:
        untar(store.object(_digest(build)), work, inside=_recipe(build).folder)
        return trees.digest_of(work)


def differing(build: Build, store: Store, workshop: Workshop) -> tuple[str, ...]:
    """Make a build again, in another folder, and name the files that are not as those in its tree.

    Raises:
        EaiError: As by `made`.
    """
    tree = made(build, store, workshop)
    found = _found(build, store, workshop)
    again = temporary(store.layout, "again")
    with durable.disk_errors(store.root):
        again.mkdir()
        try:
            _fill(build, store, again, workshop, found)
            before, after = _digests(tree), _digests(again)
        finally:
            durable.remove_tree(again)
    return tuple(sorted(name for name in before | after if before.get(name) != after.get(name)))


def record(tree: Path) -> Record:
    """Read what was written down of a build."""
    return msgspec.json.decode((tree / RECORD).read_bytes(), type=Record)


def _recipe(build: Build) -> Recipe:
    if build.recipe is None:
        raise ValueError("the build is made of no source code")
    return build.recipe


def _found(build: Build, store: Store, workshop: Workshop) -> tools.Tools:
    """See that there is all that it takes, before anything is begun."""
    if build.platform != platform.current():
        raise EngineError(f"{build.program} for {build.platform} can only be built on such a machine")
    if build.digest is None or not store.has(build.digest):
        raise EaiError(
            f"the source code of {build.program} is not in the store: {build.digest}", hint="run `eai fetch`"
        )
    found = tools.find(_recipe(build), workshop.search)
    store.require(store.object(build.digest).stat().st_size * _ROOM)
    return found


@contextmanager
def _turn(store: Store, name: str, build: Build, workshop: Workshop) -> Iterator[Workshop]:
    """Be the one process that makes a build; whoever had the turn before may have made it.

    Every event is a sign of life too, for processes on other machines that cannot see this one.
    """
    told = False
    while isinstance(claim := store.claim(name, None), Held):
        if not told:
            workshop.tell(events.Waiting(name=build.program, process=claim.owner.pid))
        told = True
        time.sleep(_LOOK)

    def tell(event: events.Event) -> None:
        claim.beat()
        workshop.tell(event)

    try:
        yield replace(workshop, tell=tell)
    finally:
        claim.discard()


def _fill(build: Build, store: Store, folder: Path, workshop: Workshop, found: tools.Tools) -> None:
    """Build into an empty folder; all else that comes of it is gone afterwards."""
    begun, recipe = time.monotonic(), _recipe(build)
    with _work(store) as work:
        workshop.tell(events.Unpacking(name=build.program))
        source = work / "source"
        source.mkdir()
        _unpack(build, store, source)
        job = cmake.Job(
            name=build.program,
            source=source,
            work=work,
            recipe=recipe,
            tools=found,
            jobs=workshop.jobs(),
            tell=workshop.tell,
        )
        _take(cmake.compiled(job), folder, build)
    seconds = time.monotonic() - begun
    written = Record(
        builder=BUILDER,
        source=str(_digest(build)),
        recipe=recipe,
        tools=found.versions(),
        output=_output(folder),
        seconds=round(seconds, 1),
    )
    (folder / RECORD).write_bytes(msgspec.json.encode(written))
    workshop.tell(events.Made(name=build.program, seconds=seconds))


@contextmanager
def _work(store: Store) -> Iterator[Path]:
    """A folder in the store, which is gone afterwards."""
    work = temporary(store.layout, "build")
    work.mkdir()
    try:
        yield work
    finally:
        durable.remove_tree(work)


def _unpack(build: Build, store: Store, source: Path) -> None:
    """Unpack the source code, which must be the locked one if its tree is locked."""
    archive = store.object(_digest(build))
    untar(archive, source, inside=_recipe(build).folder)
    if build.tree is not None and (found := trees.digest_of(source)) != build.tree:
        raise IntegrityError(
            f"the source code of {build.program} for {build.platform}, {build.variant} unpacks to a tree that"
            f" is not the locked one: {found}, and {build.tree} is locked",
            hint="if zoo.lock was not edited, `eai lock --upgrade-toolchain NAME` locks it anew",
        )


def _digest(build: Build) -> Digest:
    if build.digest is None:
        raise ValueError("the build is made of no archive")
    return build.digest


def _take(made_in: Path, folder: Path, build: Build) -> None:
    """Take the programs, and shared libraries beside them, out of a build."""
    recipe = _recipe(build)
    for program in dict.fromkeys((*recipe.targets, build.program)):
        if not (made_in / program).is_file():
            raise EngineError(f"the recipe of {build.program} for {build.platform} made no {program}")
    for path in sorted(made_in.iterdir()):
        library = any(suffix in path.name for suffix in _LIBRARIES)
        if path.name in recipe.targets or library:
            shutil.copy2(path, folder / path.name, follow_symlinks=False)


def _digests(tree: Path) -> dict[str, str]:
    """BLAKE3 of each file that came out."""
    files = (path for path in sorted(tree.iterdir()) if not path.name.startswith(".eai-"))
    return {path.name: hashing.blake3_of(path) for path in files}


def _output(folder: Path) -> str:
    from blake3 import blake3  # noqa: PLC0415 - only for builds of source code

    return blake3(json.dumps(sorted(_digests(folder).items())).encode()).hexdigest()

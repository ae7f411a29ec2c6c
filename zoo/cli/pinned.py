"""What a lock pins of engines: each build, whether it is here, and which one is taken."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from zoo.errors import EaiError
from zoo.lock.model import Build, Lock, Toolchain
from zoo.platform import current
from zoo.store import Store
from zoo.toolchains import choose
from zoo.toolchains.install import tree_key
from zoo.toolchains.machine import Machine
from zoo.toolchains.needs import Obstacle


@dataclass(frozen=True, slots=True, kw_only=True)
class Pinned:
    """A build.

    Attributes:
        size: Bytes of all that it is made from.
        state: Where it is: `ready` to be started, its bytes `in the store`, or `not here`.
        here: Whether this machine takes it.
        obstacles: What keeps this machine from it; nothing is said of other platforms' builds.
    """

    build: Build
    size: int
    state: str
    here: bool
    obstacles: tuple[Obstacle, ...]


def find(lock: Lock, name: str | None) -> Toolchain:
    """The toolchain of a name; without one, the only one there is.

    Raises:
        EaiError: There is none, or there are several to choose from.
    """
    names = [toolchain.name for toolchain in lock.toolchain]
    if name is None and len(names) == 1:
        return lock.toolchain[0]
    for toolchain in lock.toolchain:
        if toolchain.name == name:
            return toolchain
    told = ", ".join(names) or "none"
    if name is None:
        raise EaiError("which toolchain is meant?", hint=f"the lock has {told}")
    raise EaiError(f"the lock has no toolchain {name}", hint=f"it has {told}")


def every(lock: Lock, toolchain: Toolchain, store: Store, machine: Machine) -> Iterator[Pinned]:
    """Yield the builds of a toolchain: for each platform in turn, the best first."""
    sizes = {artifact.digest: artifact.size for artifact in lock.artifacts().values()}
    taken = False
    for platform in dict.fromkeys(build.platform for build in toolchain.builds):
        for judged in choose.judge(toolchain, platform, machine):
            ours, build = platform == current(), judged.build
            here = ours and not taken and not judged.obstacles
            taken = taken or here
            yield Pinned(
                build=build,
                size=sum(sizes[digest] for digest in build.digests()),
                state=_state(build, store),
                here=here,
                obstacles=judged.obstacles if ours else (),
            )


def _state(build: Build, store: Store) -> str:
    if store.tree(tree_key(build)) is not None:
        return "ready"
    has = all(store.object(digest).is_file() for digest in build.digests())
    return "in the store" if has else "not here"


def provider(toolchain: Toolchain) -> str:
    """Where a toolchain comes from, in a word or two."""
    source = toolchain.request.source
    if isinstance(source, str):
        return source
    return f"path {source.path}" if source.path is not None else f"source {source.source}"

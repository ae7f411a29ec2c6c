"""What of the store an environment needs, here or not yet: what a garbage collection must leave alone."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from zoo.environment.model import Environment
from zoo.fetch.plan import needed
from zoo.lock.model import Build, Lock
from zoo.store import Store
from zoo.toolchains.install import tree_key


def needs(lock: Lock, builds: Iterable[Build], store: Store) -> dict[str, Path]:
    """Give each object and each tree that a lock needs with these builds, by a name that a file may have."""
    builds = tuple(builds)
    objects = {each.digest.hex: store.object(each.digest) for each in needed(lock, builds)}
    trees = {f"tree-{path.name}": path for build in builds for path in (store.tree_path(tree_key(build)),)}
    return objects | trees


def in_use(environment: Environment) -> set[Path]:
    """Give the views in which the engines of an environment run."""
    return {model.engine.cwd for model in environment.models}

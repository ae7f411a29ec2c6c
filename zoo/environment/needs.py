"""What of the store an environment needs, here or not yet: what a garbage collection must leave alone."""

from __future__ import annotations

from pathlib import Path

from zoo.environment.model import Environment
from zoo.fetch.plan import needed
from zoo.lock.model import Lock
from zoo.platform import Platform
from zoo.store import Store
from zoo.toolchains.install import tree_key


def needs(lock: Lock, platform: Platform, store: Store) -> dict[str, Path]:
    """Give each object and each tree that a lock needs on a platform, by a name that a file may have."""
    objects = {each.digest.hex: store.object(each.digest) for each in needed(lock, platform)}
    trees = {
        f"tree-{path.name}": path
        for toolchain in lock.toolchain
        for build in toolchain.builds
        if build.platform == platform
        for path in (store.tree_path(tree_key(build)),)
    }
    return objects | trees


def in_use(environment: Environment) -> set[Path]:
    """Give the views in which the engines of an environment run."""
    return {model.engine.cwd for model in environment.models}

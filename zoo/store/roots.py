"""Roots: what a garbage collection must keep, because a project or a running process needs it.

A project says so in its own folder: `.eai/current` points to a folder of links into the store. The
store only knows where that is (`roots/auto/`), so a project that is deleted lets go by itself.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from zoo.store import durable
from zoo.store.layout import Layout
from zoo.store.names import clean, distinct
from zoo.store.owner import Owner

_CURRENT = (".eai", "current")


def hold(layout: Layout, project: Path, needs: Mapping[str, Path]) -> Path:
    """Let a project need these views, trees and objects, and nothing else from now on.

    Args:
        layout: The store's.
        project: The project's folder.
        needs: A name for each, and its path in the store.

    Returns:
        The project's `.eai/current`.

    Raises:
        OSError: One of the folders can't be written to.
    """
    distinct(clean(name) for name in needs)
    listing = json.dumps(sorted((name, str(path)) for name, path in needs.items()))
    home = project.absolute() / _CURRENT[0]
    generation = home / f"needs-{hashlib.sha256(listing.encode()).hexdigest()[:16]}"
    current = home / _CURRENT[1]
    if _holds(layout, current, generation, needs):
        return current
    generation.mkdir(parents=True, exist_ok=True)
    for name, path in needs.items():
        durable.point(generation / name, path.absolute())
    if not (home / ".gitignore").exists():
        durable.write(home / ".gitignore", b"*\n")
    durable.point(current, generation.name)
    register(layout, current)
    for other in home.glob("needs-*"):
        if other.name != generation.name:
            durable.remove_tree(other)
    return current


def register(layout: Layout, link: Path) -> Path:
    """Tell the store of a link, or a folder of links, outside of it that keeps what it points to."""
    root = _auto_root(layout, link)
    durable.point(root, link.absolute())
    return root


def projects(layout: Layout) -> Iterator[Path]:
    """Give the folders of the projects that told the store of themselves, gone ones too."""
    for root in sorted(layout.auto_roots.glob("*")):
        with suppress(OSError):  # no link, or gone meanwhile: nothing of ours
            current = root.readlink()
            if current.parts[-2:] == _CURRENT:
                yield current.parents[1]


def _auto_root(layout: Layout, link: Path) -> Path:
    return layout.auto_roots / hashlib.sha256(os.fsencode(link.absolute())).hexdigest()[:32]


def _holds(layout: Layout, current: Path, generation: Path, needs: Mapping[str, Path]) -> bool:
    """Whether all of it stands already, as it does at every start but the first: no disk is waited for."""
    try:
        return (
            str(current.readlink()) == generation.name
            and _auto_root(layout, current).readlink() == current.absolute()
            and {path.name for path in generation.iterdir()} == needs.keys()
        )
    except OSError:
        return False


@contextmanager
def running(layout: Layout, needs: Iterable[Path]) -> Iterator[Path]:
    """Keep paths of the store for as long as this process is at it.

    The file is named for the process, so that one that was killed keeps nothing.
    """
    _sweep(layout)
    root = layout.run_roots / f"{Owner.me()}.json"
    paths = sorted(str(path.absolute().relative_to(layout.root)) for path in needs)
    durable.write(root, json.dumps(paths).encode())
    try:
        yield root
    finally:
        root.unlink(missing_ok=True)


def _sweep(layout: Layout) -> None:
    """Remove what processes that were killed here have left; those of other machines may be alive."""
    for root in layout.run_roots.glob("*.json"):
        owner = Owner.parse(root.stem)
        if owner is not None and owner.alive() is False:
            root.unlink(missing_ok=True)

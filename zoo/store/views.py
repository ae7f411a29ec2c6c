"""Views: folders in which objects have the names that an engine wants to see.

llama.cpp finds the other shards of a model by the first one's file name. The links are relative, so
that a store can be moved; a view's id is the hash of what it shows, so that making it twice is nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from zoo.digest import Digest
from zoo.store import durable
from zoo.store.ingest import temporary
from zoo.store.layout import Layout
from zoo.store.names import clean, distinct


def make(layout: Layout, files: Mapping[str, Digest]) -> Path:
    """Make a view, or find the one that is there.

    Args:
        layout: The store's.
        files: What each name shows; names may have folders.

    Raises:
        EaiError: A name is not clean, or two are one.
    """
    distinct(clean(name) for name in files)
    links = {name: _target(layout, name, digest) for name, digest in sorted(files.items())}
    canonical = json.dumps(sorted(files.items()), separators=(",", ":"), ensure_ascii=False)
    view = layout.views / hashlib.sha256(canonical.encode()).hexdigest()
    if _right(view, links):
        return view
    fresh = temporary(layout, "view")
    for name, target in links.items():
        link = fresh / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(target)
    fresh.mkdir(exist_ok=True)
    durable.sync_folder(fresh)
    try:
        fresh.rename(view)
    except OSError:
        _replace(layout, fresh, view, links)
    durable.sync_folder(layout.views)
    return view


def _target(layout: Layout, name: str, digest: Digest) -> str:
    up = "../" * (2 + name.count("/"))
    return up + layout.object(digest).relative_to(layout.root).as_posix()


def _right(view: Path, links: Mapping[str, str]) -> bool:
    """Whether a view is there as it was made; people may have removed links by hand."""
    try:
        return view.is_dir() and all(str((view / name).readlink()) == links[name] for name in links)
    except OSError:
        return False


def _replace(layout: Layout, fresh: Path, view: Path, links: Mapping[str, str]) -> None:
    """Settle that something is there already: another process was faster, or it is damaged."""
    if not _right(view, links):
        away = temporary(layout, "view")
        view.rename(away)
        fresh.rename(view)
        fresh = away
    durable.remove_tree(fresh)

"""Verification: reads every object and tree again, and sets aside what isn't what it was.

An object whose sidecar can be trusted is compared with its BLAKE3, on all cores; any other, and any
that seems wrong, with its name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from zoo.digest import Digest
from zoo.errors import EaiError
from zoo.store import durable, hashing, objects, trees
from zoo.store.ingest import temporary
from zoo.store.layout import Layout
from zoo.store.sidecar import Sidecar


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that isn't what it should be.

    Attributes:
        kind: What it is.
        name: The digest of an object, the key of a tree.
        reason: What is wrong with it.
        aside: Where it lies now, or still does if it could not be read.
    """

    kind: Literal["object", "tree"]
    name: str
    reason: str
    aside: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a verification saw: how many objects, of how many bytes, how many trees, and what is wrong."""

    objects: int
    bytes: int
    trees: int
    corrupt: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Checked:
    """One object or tree was checked; `size` in bytes, 0 for a tree."""

    name: str
    size: int


def verify(layout: Layout, progress: Callable[[Checked], None]) -> Report:
    """Check everything. What is corrupt is set aside, so that the next fetch gets it again."""
    count = size = 0
    findings: list[Finding] = []
    for digest in layout.digests():
        try:
            length = layout.object(digest).stat().st_size
        except FileNotFoundError:
            continue  # taken away by another process since it was listed
        if (finding := damage(layout, digest)) is not None:
            findings.append(finding)
        count, size = count + 1, size + length
        progress(Checked(digest, length))
    builds = list(trees.every(layout))
    for tree in builds:
        if (finding := _tree(layout, tree)) is not None:
            findings.append(finding)
        progress(Checked(tree.name, 0))
    return Report(objects=count, bytes=size, trees=len(builds), corrupt=tuple(findings))


def damage(layout: Layout, digest: Digest) -> Finding | None:
    """Read an object again, and say what is wrong with it; one that is corrupt is set aside."""
    path = layout.object(digest)
    try:
        status = path.stat()
        sidecar = Sidecar.read(layout.sidecar(digest))
        if sidecar is not None and sidecar.matches(status) and hashing.blake3_of(path) == sidecar.blake3:
            return None
        if objects.rehash(layout, digest):
            return None
    except FileNotFoundError:
        return None
    except OSError as error:
        return Finding(kind="object", name=digest, reason=f"can't be read: {error.strerror}", aside=path)
    aside = objects.aside(layout, digest)
    return Finding(kind="object", name=digest, reason="its bytes have changed", aside=aside)


def _tree(layout: Layout, tree: Path) -> Finding | None:
    try:
        reason = trees.damage(tree)
    except (OSError, EaiError) as error:
        reason = str(error)
    if reason is None:
        return None
    aside = tree.with_name(f"{tree.name}.corrupt")
    if aside.exists():
        away = temporary(layout, "tree")
        aside.rename(away)
        durable.remove_tree(away)
    tree.chmod(0o755)  # a folder must be writable to be renamed on some systems
    tree.rename(aside)
    durable.sync_folder(layout.trees)
    return Finding(kind="tree", name=tree.name, reason=reason, aside=aside)

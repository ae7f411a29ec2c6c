"""Trees: unpacked builds, made whole or not at all, with a manifest that says what is in them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import msgspec

from zoo.errors import EaiError
from zoo.store import durable, hashing
from zoo.store.ingest import temporary
from zoo.store.layout import Layout

MANIFEST = ".eai-manifest.json"
_KEY = re.compile(r"[0-9a-z][0-9a-z._-]{0,127}")
_EXECUTABLE = 0o111


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A file of a tree: its BLAKE3 and whether it can be run, or where it links to."""

    blake3: str | None = None
    executable: bool = False
    link: str | None = None


def path_of(layout: Layout, key: str) -> Path:
    """Where the tree of a key lies; a digest may be a key.

    Raises:
        ValueError: It is no key.
    """
    name = key.removeprefix("sha256:")
    if _KEY.fullmatch(name) is None or name.endswith(".corrupt"):
        raise ValueError(f"{key!r} can't name a tree")
    return layout.trees / name


def every(layout: Layout) -> Iterator[Path]:
    """Yield every tree, sorted."""
    if layout.trees.is_dir():
        yield from (tree for tree in sorted(layout.trees.iterdir()) if not tree.name.endswith(".corrupt"))


def add(layout: Layout, key: str, fill: Callable[[Path], None]) -> Path:
    """Make a tree, unless it is there.

    Args:
        layout: The store's.
        key: What the tree is called from then on.
        fill: Fills an empty folder; if it raises, nothing stays.

    Raises:
        EaiError: What was filled in links out of the tree, or holds what is no file, folder or link.
    """
    target = path_of(layout, key)
    if target.is_dir():
        return target
    fresh = temporary(layout, "tree")
    fresh.mkdir()
    try:
        fill(fresh)
        _seal(fresh)
        try:
            fresh.rename(target)
        except OSError:
            # Another process was faster, and its tree is as good.
            if not target.is_dir():
                raise
        else:
            target.chmod(0o555)  # not before: a folder must be writable to get another parent
            durable.sync_folder(layout.trees)
    finally:
        durable.remove_tree(fresh)
    return target


def damage(tree: Path) -> str | None:
    """Say how a tree differs from its manifest; None if it doesn't.

    Raises:
        OSError: It can't be read.
    """
    try:
        manifest = msgspec.json.decode((tree / MANIFEST).read_bytes(), type=dict[str, Entry])
    except FileNotFoundError:
        return f"{MANIFEST} is gone"
    except msgspec.DecodeError:
        return f"{MANIFEST} can't be read"
    found = {path.relative_to(tree).as_posix(): path for path in _walk(tree)}
    del found[MANIFEST]
    if strange := sorted(manifest.keys() ^ found.keys()):
        return f"{strange[0]} is {'gone' if strange[0] in manifest else 'new'}"
    wrong = (name for name, path in found.items() if _entry(tree, path) != manifest[name])
    return next((f"{name} has changed" for name in wrong), None)


def digest(tree: Path) -> str:
    """Name what a tree holds: 64 hex digits of BLAKE3 over its manifest, which lists files and links.

    Raises:
        OSError: It can't be read.
    """
    from blake3 import blake3  # noqa: PLC0415 - a compiled library, only for those who ask

    return blake3((tree / MANIFEST).read_bytes()).hexdigest()


def digest_of(folder: Path) -> str:
    """Name what a folder holds that is no tree, as `digest` would if it were one.

    Raises:
        EaiError: As by `add`.
        OSError: It can't be read.
    """
    from blake3 import blake3  # noqa: PLC0415 - as above

    return blake3(_encoded(_entries(folder))).hexdigest()


def _entries(folder: Path) -> dict[str, Entry]:
    entries = {path.relative_to(folder).as_posix(): _entry(folder, path) for path in _walk(folder)}
    if MANIFEST in entries:
        raise EaiError(f"the archive brings a file of its own called {MANIFEST}")
    return entries


def _encoded(entries: Mapping[str, Entry]) -> bytes:
    return msgspec.json.encode(entries, order="sorted")


def _seal(tree: Path) -> None:
    """Make everything read-only and durable, and write the manifest."""
    entries = _entries(tree)
    for name, entry in entries.items():
        if entry.link is None:
            _settle(tree / name, 0o555 if entry.executable else durable.READ_ONLY)
    durable.write(tree / MANIFEST, _encoded(entries), mode=durable.READ_ONLY)
    for folder, _, _ in os.walk(tree, topdown=False):
        durable.sync_folder(Path(folder))
        if folder != str(tree):
            Path(folder).chmod(0o555)


def _settle(path: Path, mode: int) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        os.fchmod(fd, mode)
        os.utime(fd, (1, 1))
        durable.sync_file(fd)
    finally:
        os.close(fd)


def _walk(tree: Path) -> Iterator[Path]:
    """Yield every file and link, also links to folders."""
    for folder, folders, files in os.walk(tree):
        for name in files:
            yield Path(folder, name)
        for name in folders:
            if (path := Path(folder, name)).is_symlink():
                yield path


def _entry(tree: Path, path: Path) -> Entry:
    if path.is_symlink():
        link = str(path.readlink())
        if Path(link).is_absolute() or not path.resolve().is_relative_to(tree.resolve()):
            raise EaiError(f"{path.relative_to(tree)} links out of the tree, to {link}")
        return Entry(link=link)
    status = path.lstat()
    if not path.is_file():
        raise EaiError(f"{path.relative_to(tree)} is neither a file, a folder nor a link")
    return Entry(blake3=hashing.blake3_of(path), executable=bool(status.st_mode & _EXECUTABLE))

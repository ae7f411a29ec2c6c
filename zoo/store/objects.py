"""Objects: whether one is there and is what it is called, and taking in a file that lies elsewhere."""

from __future__ import annotations

import os
import stat
import sys
import time
from contextlib import suppress
from pathlib import Path

from zoo.digest import Digest
from zoo.errors import EaiError
from zoo.store import durable, hashing
from zoo.store.ingest import place, temporary
from zoo.store.layout import Layout
from zoo.store.sidecar import Sidecar

_FICLONE = 0x40049409  # ioctl_ficlone(2)


def present(layout: Layout, digest: Digest) -> bool:
    """Whether an object is there with the right bytes; `stat` and the sidecar tell, or its hash.

    One with other bytes is set aside, so that it will be fetched again.

    Raises:
        OSError: It is there and can't be read.
    """
    path = layout.object(digest)
    try:
        status = path.lstat()
    except FileNotFoundError:
        return False
    sidecar = Sidecar.read(layout.sidecar(digest))
    if sidecar is not None and sidecar.matches(status):
        return True
    if not stat.S_ISREG(status.st_mode):
        set_aside(layout, digest)
        return False
    try:
        return rehash(layout, digest)
    except FileNotFoundError:
        return False


def known(layout: Layout, digest: Digest) -> str | None:
    """Give the BLAKE3 that an object had when it was verified; None if that, or the object, is gone."""
    sidecar = Sidecar.read(layout.sidecar(digest))
    try:
        status = layout.object(digest).lstat()
    except FileNotFoundError:
        return None
    return sidecar.blake3 if sidecar is not None and sidecar.matches(status) else None


def rehash(layout: Layout, digest: Digest) -> bool:
    """Compare an object's bytes with its name, whatever was known of it; set it aside if they differ."""
    path = layout.object(digest)
    status = path.stat()
    hashes = hashing.of_file(path)
    if hashes.digest != digest:
        set_aside(layout, digest)
        return False
    Sidecar.of(status, hashes.blake3, now=time.time()).write(layout.sidecar(digest))
    return True


def aside(layout: Layout, digest: Digest) -> Path:
    """Say where the bytes of a corrupt object are kept."""
    path = layout.object(digest)
    return path.with_name(f"{path.name}.corrupt")


def set_aside(layout: Layout, digest: Digest) -> Path:
    """Take a corrupt object out of the way, and keep it for whoever wants to look."""
    away = aside(layout, digest)
    if away.is_dir() and not away.is_symlink():
        durable.remove_tree(away)
    away.unlink(missing_ok=True)
    with suppress(FileNotFoundError):  # another process has set it aside
        durable.move(layout.object(digest), away)
    layout.sidecar(digest).unlink(missing_ok=True)
    kept = layout.leaves(digest)
    for cache in kept.parent.glob(f"{kept.name}*"):  # they may be of the wrong bytes
        cache.unlink(missing_ok=True)
    return away


def adopt(layout: Layout, source: Path) -> tuple[Digest, int]:
    """Copy a file into the store: the object's digest and its size in bytes.

    The copy shares its blocks with the original where the file system can do that.

    Raises:
        EaiError: The file changed while it was copied.
        OSError: It can't be read, or the disk refuses.
    """
    folder = temporary(layout, "adopt")
    folder.mkdir()
    try:
        hashes, size = _copy(source, folder / "data", layout)
    finally:
        durable.remove_tree(folder)
    return hashes.digest, size


def _copy(source: Path, target: Path, layout: Layout) -> tuple[hashing.Hashes, int]:
    with source.open("rb", buffering=0) as reader, target.open("x+b", buffering=0) as writer:
        before = os.fstat(reader.fileno())
        if _clone(reader.fileno(), writer.fileno()):
            hashes = hashing.of_file(target)
        else:
            hashes = _stream(reader.fileno(), writer.fileno())
        after = os.fstat(reader.fileno())
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise EaiError(
                f"{source} changed while it was read",
                hint="wait until it is complete, and run the command again",
            )
        place(layout, target, writer.fileno(), hashes)
        return hashes, before.st_size


def _clone(reader: int, writer: int) -> bool:
    """Make the copy share the original's blocks; False where that isn't possible."""
    if sys.platform != "linux":
        return False
    import fcntl  # noqa: PLC0415 - not on every platform

    try:
        fcntl.ioctl(writer, _FICLONE, reader)
    except OSError:
        return False
    return True


def _stream(reader: int, writer: int) -> hashing.Hashes:
    """Copy and hash in one pass: what is hashed is what is written."""
    hasher, buffer = hashing.Hasher(), memoryview(bytearray(hashing.BLOCK))
    while count := os.readv(reader, [buffer]):
        view = buffer[:count]
        hasher.update(view)
        while view:
            view = view[os.write(writer, view) :]
    return hasher.hashes()

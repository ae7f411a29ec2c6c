"""The hashes of objects' leaves, kept beside the objects: 32 bytes for each leaf.

They follow from an object's digest alone, so they are never out of date.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from zoo.digest import Digest
from zoo.ipfs import builder
from zoo.ipfs.cid import DIGEST_SIZE
from zoo.ipfs.profiles import UNIXFS_V1_2025, Profile
from zoo.store import Store
from zoo.store.durable import write

_MAGIC = b"eai-leaves-1\n"


class Stopped(Exception):
    """There is no more need to hash anything."""


class Leaves:
    """Hashes leaves, once for each object and way of cutting it.

    Args:
        store: Whose objects.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def of(self, digest: Digest, profile: Profile, stopped: Callable[[], bool]) -> tuple[int, bytes]:
        """Give an object's size in bytes and the hashes of its leaves, as `builder.assemble` takes them.

        Raises:
            Stopped: There was no more need meanwhile.
            SourceChanged: The object became shorter meanwhile.
            OSError: It cannot be read.
        """
        path = self._store.object(digest)
        size = path.stat().st_size
        cache = self._store.layout.leaves(digest, _form(profile))
        known = _load(cache, -(-size // profile.chunk) or 1)
        if known is None:
            known = _hashed(path, size, profile, stopped)
            with suppress(OSError):  # a store that cannot be written to does without
                write(cache, _MAGIC + hashlib.sha256(known).digest() + known, durable=False)
        return size, known


def _form(profile: Profile) -> str:
    """Say how a profile cuts a file, where it does so otherwise than unixfs-v1-2025."""
    if (profile.chunk, profile.raw) == (UNIXFS_V1_2025.chunk, UNIXFS_V1_2025.raw):
        return ""
    return f"{profile.chunk}-{'raw' if profile.raw else 'nodes'}"


def _hashed(path: Path, size: int, profile: Profile, stopped: Callable[[], bool]) -> bytes:
    def look(_: int) -> None:
        if stopped():
            raise Stopped

    with path.open("rb", buffering=0) as file:
        fd = file.fileno()
        return builder.hash_leaves(
            lambda offset, length: os.pread(fd, length, offset), size, profile, progress=look
        )


def _load(path: Path, count: int) -> bytes | None:
    """Read the hashes of so many leaves; None where they are not there, or not as they were written."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    head = len(_MAGIC) + DIGEST_SIZE
    check, leaves = data[len(_MAGIC) : head], data[head:]
    whole = data.startswith(_MAGIC) and len(leaves) == count * DIGEST_SIZE
    return leaves if whole and hashlib.sha256(leaves).digest() == check else None

"""Which CIDs the locks of this machine's projects name for objects: others may have made them otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from zoo.digest import Digest
from zoo.errors import LockError, Malformed
from zoo.ipfs import cid as cids
from zoo.ipfs.cid import Cid
from zoo.lock import toml

_SCHEME = "ipfs://"


def named(projects: Iterable[Path]) -> Iterator[tuple[Digest, Cid]]:
    """Give the digests and CIDs of the artifacts that have any; a lock that cannot be read has none.

    Args:
        projects: The folders in which locks are looked for.
    """
    for folder in projects:
        with suppress(LockError):
            for artifact in toml.load(folder / "zoo.lock").artifact:
                for uri in artifact.ipfs:
                    with suppress(Malformed):  # also for a file in an archive, which has no CID of its own
                        yield artifact.digest, cids.parse(uri.removeprefix(_SCHEME))

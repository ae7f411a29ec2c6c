"""Directories written: one node that links files by their names."""

from __future__ import annotations

from collections.abc import Iterable

from zoo.errors import EaiError
from zoo.ipfs import cid as cids
from zoo.ipfs import dagpb, names, unixfs
from zoo.ipfs.cid import DAG_PB, Cid
from zoo.ipfs.dagpb import Link, Node
from zoo.ipfs.unixfs import Entry, Kind

DIRECTORY_MAX = 256 << 10
"""The largest directory, in bytes of its block, that is written as one node; about 4,700 short names."""


def build(entries: Iterable[tuple[str, Cid, int]], *, version: int = 1) -> tuple[Cid, bytes, int]:
    """Make a directory of (name, CID, bytes of all blocks below); give its CID, its block and its DAG size.

    Raises:
        Malformed: A name may not be.
        EaiError: Two names are the same, or there are too many.
    """
    links = sorted(
        (Link(cid, names.check_text(name).encode(), size) for name, cid, size in entries),
        key=lambda link: link.name,
    )
    if len({names.folded(link.name.decode()) for link in links}) != len(links):
        raise EaiError("two files of a directory have the same name, or differ only in case")
    block = dagpb.encode(Node(tuple(links), unixfs.encode(Entry(kind=Kind.DIRECTORY))))
    if len(block) > DIRECTORY_MAX:
        raise EaiError(
            f"a directory of {len(links)} files is too large for one block",
            hint="spread the files over several directories",
        )
    return cids.of(block, DAG_PB, version=version), block, len(block) + sum(link.size for link in links)

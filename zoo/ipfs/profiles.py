"""Profiles: the rules by which a file becomes a DAG, so that the same file gets the same CID everywhere."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.ipfs import unixfs
from zoo.ipfs.cid import DAG_PB, RAW, SHA2_256, Cid


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """How a file is cut and linked. All are balanced trees over chunks of one size, hashed with SHA-256.

    Attributes:
        chunk: Bytes of file in a leaf.
        width: The most links of a node.
        version: Of the CIDs of nodes.
        raw: Whether leaves are the file's bytes as they are; else each is wrapped in a node.
    """

    name: str
    chunk: int
    width: int
    version: int
    raw: bool

    def leaf(self, data: bytes) -> bytes:
        """Make the block of a leaf from its bytes of the file."""
        return data if self.raw else unixfs.file_leaf(data)

    def leaf_cid(self, digest: bytes) -> Cid:
        """Name the leaf whose block has this SHA-256."""
        return Cid(1, RAW, SHA2_256, digest) if self.raw else Cid(self.version, DAG_PB, SHA2_256, digest)

    def leaf_size(self, size: int) -> int:
        """Say how many bytes the block of a leaf takes that holds so many of the file."""
        return size if self.raw else unixfs.file_leaf_size(size)


UNIXFS_V1_2025 = Profile(name="unixfs-v1-2025", chunk=1 << 20, width=1024, version=1, raw=True)
"""What eai makes: IPIP-499, Kubo's profile of that name, Helia, ipfs-car."""

KUBO_V1_256K = Profile(name="kubo-cidv1-256k-174", chunk=256 << 10, width=174, version=1, raw=True)
"""What `ipfs add --cid-version 1` makes with Kubo's defaults."""

UNIXFS_V0_2015 = Profile(name="unixfs-v0-2015", chunk=256 << 10, width=174, version=0, raw=False)
"""What `ipfs add` makes with Kubo's defaults (IPIP-499)."""

KUBO_V1_1M = Profile(name="kubo-cidv1-1m-174", chunk=1 << 20, width=174, version=1, raw=True)
"""What Kubo before 0.40 made under its profile test-cid-v1."""

PROFILES = (UNIXFS_V1_2025, KUBO_V1_256K, UNIXFS_V0_2015, KUBO_V1_1M)

"""Gateways that do as a test tells them, and DAGs to put behind them."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field

from support.lying import Answer, Asked, Server, Wire

from zoo.digest import Digest
from zoo.ipfs import cid as cids
from zoo.ipfs import directory, legacy
from zoo.ipfs.builder import Dag, build
from zoo.ipfs.cid import RAW, Cid
from zoo.ipfs.legacy import Archive, Part
from zoo.ipfs.profiles import UNIXFS_V1_2025, Profile

RAW_TYPE = "application/vnd.ipld.raw"
PROBE = "bafkqaaa"
SMALL = Profile(name="small", chunk=4096, width=4, version=1, raw=True)


@dataclass
class Blocks:
    """Blocks by CID, in both versions of it."""

    held: dict[str, bytes] = field(default_factory=dict)

    def add(self, cid: Cid, data: bytes) -> Cid:
        """Hold a block."""
        self.held[str(cid)] = data
        if cid.version == 0:
            self.held[str(Cid(1, cid.codec, cid.hash, cid.digest))] = data
        return cid

    def file(self, data: bytes, profile: Profile = UNIXFS_V1_2025) -> Dag:
        """Hold a file."""
        dag = build(lambda at, length: data[at : at + length], len(data), profile)
        for node in dag.nodes:
            self.add(node.cid, node.data)
        for leaf in dag.leaves:
            self.add(leaf.cid, profile.leaf(data[leaf.offset : leaf.offset + leaf.size]))
        return dag

    def directory(self, files: Mapping[str, bytes | Cid], profile: Profile = UNIXFS_V1_2025) -> Cid:
        """Hold a directory of files, or of CIDs that are held already."""
        entries = []
        for name, data in files.items():
            dag = None if isinstance(data, Cid) else self.file(data, profile)
            root = data if dag is None else dag.root
            entries.append((name, root, 0 if dag is None else dag.dag_size))
        root, block, _ = directory.build(entries)
        return self.add(root, block)

    def archive(self, folder: str, members: Mapping[str, bytes], *, parts: int = 3, **more: bool) -> Cid:
        """Hold a preserved model: a tar of these members, packed, cut and described."""
        return self.packed(folder, gzip.compress(tarred(members), 1), parts=parts, **more)

    def packed(self, folder: str, stream: bytes, *, parts: int = 1, **more: bool) -> Cid:
        """Hold a stream of bytes as if it were a preserved model's."""
        step = -(-len(stream) // parts)
        made = []
        for index in range(parts):
            data = stream[index * step : (index + 1) * step]
            dag = self.file(data, SMALL)
            digest = Digest.of_hex(hashlib.sha256(data).hexdigest())
            made.append(Part(legacy.part_name(folder, index), dag.root, digest, len(data)))
        metadata = legacy.dump(Archive(folder=folder, parts=tuple(made), part_mib=512, **more))
        return self.add(cids.of(metadata, RAW), metadata)


def tarred(members: Mapping[str, bytes]) -> bytes:
    """Make a tar of files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def raw(data: bytes) -> Answer:
    """Give a block as a gateway should."""

    def answer(asked: Asked, wire: Wire) -> None:
        wire.head(200, Content_Length=len(data), Content_Type=RAW_TYPE)
        wire.body(data)

    return answer


def path_of(cid: str) -> str:
    """Where a block is asked for."""
    return f"/ipfs/{cid}?format=raw"


def gateway(server: Server, blocks: Blocks) -> str:
    """Make a server an honest gateway; gives its address."""
    server.on(path_of(PROBE), raw(b""))
    for cid, data in blocks.held.items():
        server.on(path_of(cid), raw(data))
    return server.url("")


def everywhere(server: Server, blocks: Blocks, answer: Answer) -> str:
    """Make a server answer so for every block; gives its address."""
    for cid in blocks.held:
        server.on(path_of(cid), answer)
    return server.url("")


def asked_for(server: Server) -> list[str]:
    """Give the CIDs that a server was asked for."""
    return [asked.path.removeprefix("/ipfs/").partition("?")[0] for asked in server.asked]


def noise(size: int) -> bytes:
    """Make bytes that nothing packs."""
    return os.urandom(size)

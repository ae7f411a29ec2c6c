"""Blocks of objects under the CIDs that others gave them, where a lock names those."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from zoo.digest import Digest
from zoo.errors import LockError
from zoo.ipfs import cid as cids
from zoo.ipfs.builder import Dag, build
from zoo.ipfs.cid import DAG_PB, RAW, SHA2_256, Cid
from zoo.ipfs.profiles import KUBO_V1_1M, KUBO_V1_256K, PROFILES, UNIXFS_V0_2015, Profile
from zoo.ipfs.walk import Walk, read
from zoo.share.index import Index
from zoo.store import Store

DATA = os.urandom((1 << 20) + 12_345)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def digest(store: Store, tmp_path: Path) -> Digest:
    (tmp_path / "file").write_bytes(DATA)
    return store.adopt(tmp_path / "file")[0]


def dag(profile: Profile) -> Dag:
    return build(lambda at, length: DATA[at : at + length], len(DATA), profile)


def in_version_1(cid: Cid) -> Cid:
    """A node's CID as locks write it."""
    return Cid(1, cid.codec, cid.hash, cid.digest)


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
def test_a_file_is_given_under_the_profile_that_someone_used(
    store: Store, digest: Digest, profile: Profile
) -> None:
    root = dag(profile).root
    index = Index(store, lambda: [(digest, in_version_1(root))])
    assert index.scan() == 1
    blocks = {block.cid: block.data for block in index.below(root)}
    assert set(blocks) == {block.cid for block in dag(profile).blocks()}
    assert all(index.has(cid) == len(data) for cid, data in blocks.items())
    for cid, data in blocks.items():
        cids.check(cid, data)
    assert b"".join(read(Walk(root, size=len(DATA), max_size=1), blocks.__getitem__)) == DATA
    assert index.block(dag(PROFILES[0]).root) is not None


def test_a_leaf_is_only_given_as_what_it_is(store: Store, digest: Digest) -> None:
    older = dag(UNIXFS_V0_2015)
    index = Index(store, lambda: [(digest, older.root)])
    index.scan()
    for leaf, codec in ((older.leaves[0].cid, RAW), (dag(PROFILES[0]).leaves[0].cid, DAG_PB)):
        wrong = Cid(1, codec, SHA2_256, leaf.digest)
        assert (index.has(wrong), index.block(wrong)) == (None, None)


def test_only_what_a_lock_names_is_given_so(store: Store, digest: Digest) -> None:
    index = Index(store)
    index.scan()
    assert index.has(dag(UNIXFS_V0_2015).root) is None


def test_a_cid_that_is_named_later_is_given_then(store: Store, digest: Digest) -> None:
    named: list[tuple[Digest, Cid]] = []
    index = Index(store, lambda: named)
    index.scan()
    named.append((digest, dag(KUBO_V1_256K).root))
    assert index.scan() == 0
    assert index.has(dag(KUBO_V1_256K).root) is not None


def test_hashes_are_kept_for_each_way_of_cutting_and_cids_of_no_profile_are_tried_once(
    store: Store, digest: Digest
) -> None:
    odd = cids.of(b"made otherwise", DAG_PB)
    index = Index(store, lambda: [(digest, odd), (digest, cids.of(b"no node", RAW))])
    index.scan()
    kept = sorted(path.name for path in store.object(digest).parent.glob(f"{digest.hex}.leaves*"))
    cuts = ("", "-262144-nodes", "-262144-raw")
    assert kept == [f"{digest.hex}.leaves{cut}" for cut in cuts]
    for cut in cuts:
        store.layout.leaves(digest, cut.removeprefix("-")).unlink()
    index.scan()
    assert not list(store.object(digest).parent.glob(f"{digest.hex}.leaves*"))
    assert list(store.sizes()) == [digest]


def test_what_keeps_names_from_being_known_does_no_other_harm(store: Store, digest: Digest) -> None:
    def fails() -> list[tuple[Digest, Cid]]:
        raise LockError("cannot be read")

    absent = Digest.of_hex("0" * 64)
    assert Index(store, fails).scan() == 1
    assert Index(store, lambda: [(absent, dag(KUBO_V1_1M).root)]).scan() == 1
    assert digest in store.sizes()

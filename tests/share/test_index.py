"""The blocks of a store's objects: found, kept beside them, and forgotten when they are gone."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.fetching import digest_of
from support.sharing import DATA, MIDDLING, dag

from zoo.digest import Digest
from zoo.errors import SourceChanged
from zoo.share.index import Index
from zoo.store import Store


def adopted(store: Store, folder: Path, data: bytes) -> Digest:
    (folder / "more").write_bytes(data)
    return store.adopt(folder / "more")[0]


def damaged(store: Store, digest: Digest, data: bytes) -> None:
    """Change an object in place."""
    path = store.object(digest)
    path.chmod(0o644)
    path.write_bytes(data)


def test_the_hashes_of_leaves_are_kept_and_mended(store: Store) -> None:
    digest = digest_of(DATA)
    first = Index(store)
    assert first.scan() == 3
    assert first.scan() == 0
    cache = store.layout.leaves(digest)
    kept = cache.read_bytes()
    cache.write_bytes(kept[:-1] + bytes([kept[-1] ^ 1]))
    again = Index(store)
    again.scan()
    assert again.roots == first.roots
    assert again.roots[digest] == dag(DATA).root
    assert cache.read_bytes() == kept
    assert len(store.sizes()) == 3
    assert not store.verify().corrupt


def test_an_object_that_is_gone_is_forgotten_with_its_nodes(store: Store) -> None:
    index = Index(store)
    index.scan()
    store.object(digest_of(DATA)).unlink()
    assert index.has(dag(DATA).root) is None
    assert index.block(dag(DATA).leaves[0].cid) is None
    assert digest_of(DATA) not in index.roots


def test_a_leaf_that_two_objects_have_outlives_the_first_of_them(store: Store, tmp_path: Path) -> None:
    longer = DATA[: 1 << 20] + MIDDLING
    other = adopted(store, tmp_path, longer)
    for gone, left in ((digest_of(DATA), longer), (other, DATA)):
        index = Index(store)
        index.scan()
        away = store.object(gone).rename(tmp_path / "away")
        assert [block.data for block in index.below(dag(left).root)][1] == DATA[: 1 << 20]
        away.rename(store.object(gone))
        index.scan()
        assert gone in index.roots


def test_a_corrupt_object_is_set_aside_and_not_indexed(store: Store) -> None:
    damaged(store, digest_of(DATA), DATA[::-1])
    index = Index(store)
    assert index.scan() == 2
    assert store.corrupt(digest_of(DATA)) is not None
    assert not store.layout.leaves(digest_of(DATA)).exists()


def test_bytes_that_change_while_they_are_given_break_off(store: Store, tmp_path: Path) -> None:
    index = Index(store)
    index.scan()
    blocks = index.below(dag(DATA).root)
    next(blocks)
    damaged(store, digest_of(DATA), DATA[::-1])
    with pytest.raises(SourceChanged):
        next(blocks)
    index.scan()
    assert store.corrupt(digest_of(DATA)) is not None
    adopted(store, tmp_path, DATA)
    assert index.scan() == 1
    assert index.block(dag(DATA).leaves[0].cid) == DATA[: 1 << 20]


def test_hashes_of_wrong_leaves_do_not_outlive_them(store: Store, tmp_path: Path) -> None:
    digest, path = digest_of(DATA), store.object(digest_of(DATA))
    wrong = Store(tmp_path / "wrong")
    adopted(wrong, tmp_path, DATA[::-1])
    Index(wrong).scan()
    store.layout.leaves(digest).write_bytes(wrong.layout.leaves(digest_of(DATA[::-1])).read_bytes())
    damaged(store, digest, DATA[::-1])
    assert not store.has(digest)
    assert not path.exists()
    adopted(store, tmp_path, DATA)
    index = Index(store)
    index.scan()
    assert index.roots[digest] == dag(DATA).root


def test_what_cannot_be_read_is_not_tried_at_every_look(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Digest] = []

    def has(digest: Digest) -> bool:
        asked.append(digest)
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(store, "has", has)
    index = Index(store)
    assert (index.scan(), index.scan(), len(asked)) == (0, 0, 3)


def test_hashing_ends_when_it_is_told_to(store: Store, tmp_path: Path) -> None:
    index = Index(store)
    index.scan()
    digest = adopted(store, tmp_path, bytes(64 << 20))
    told = iter([False])  # before the object, and then while it is hashed
    assert index.scan(lambda: next(told, True)) == 0
    assert not store.layout.leaves(digest).exists()
    assert index.scan() == 1

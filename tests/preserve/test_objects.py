"""Objects as files to preserve: what is checked is what the CID is of."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from blake3 import blake3

from zoo.errors import EaiError, IntegrityError
from zoo.ipfs import builder
from zoo.preserve import objects
from zoo.preserve.choose import Item
from zoo.preserve.objects import Witness, content_of
from zoo.store import Store

MIB = 1 << 20
DATA = random.Random(5).randbytes(20 * MIB + 7)


def read(offset: int, length: int) -> bytes:
    return DATA[offset : offset + length]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def item(store: Store, tmp_path: Path) -> Item:
    (tmp_path / "data").write_bytes(DATA)
    return Item(store.adopt(tmp_path / "data")[0], "m/data")


@pytest.mark.parametrize("size", [0, 1, MIB, len(DATA)])
def test_what_threads_read_is_hashed_in_the_order_of_the_file(size: int) -> None:
    witness = Witness(read)
    builder.build(witness.read, size, jobs=5)
    assert witness.blake3() == blake3(DATA[:size]).hexdigest()


def test_pieces_may_come_in_any_order() -> None:
    witness = Witness(read)
    offsets = list(range(0, len(DATA), MIB))
    random.Random(1).shuffle(offsets)
    assert b"".join(witness.read(offset, MIB) for offset in offsets) != DATA
    assert witness.blake3() == blake3(DATA).hexdigest()


def test_nobody_waits_for_ever_for_a_piece_that_does_not_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "_PATIENCE", 0.01)
    monkeypatch.setattr(objects, "_AHEAD", 4 * MIB)
    witness = Witness(read)
    for offset in range(MIB, len(DATA), MIB):
        witness.read(offset, MIB)
    witness.read(0, MIB)
    assert witness.blake3() is None


def test_an_object_is_read_once(store: Store, item: Item, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Store, "intact", lambda *_: pytest.fail("it is read again"))
    assert content_of(item, store, [].append).cid == builder.build(read, len(DATA)).root


def test_an_object_of_which_nothing_is_known_is_hashed_again(store: Store, item: Item) -> None:
    store.layout.sidecar(item.digest).unlink()
    assert content_of(item, store, [].append).cid == builder.build(read, len(DATA)).root
    assert store.blake3(item.digest) == blake3(DATA).hexdigest()


def test_bytes_that_are_others_each_time_get_no_cid(
    store: Store, item: Item, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "reader_at", lambda _: (lambda _, length: bytes(length), len(DATA)))
    with pytest.raises(IntegrityError, match="other bytes each time"):
        content_of(item, store, [].append)


def test_an_object_that_goes_away_cannot_be_read(store: Store, item: Item) -> None:
    content = content_of(item, store, [].append)
    store.object(item.digest).unlink()
    with pytest.raises(EaiError, match="cannot be read: No such file"):
        content.read(0, 1)

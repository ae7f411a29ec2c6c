"""Verification finds what changed."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from zoo.digest import Digest
from zoo.store import Store
from zoo.store.sidecar import Sidecar
from zoo.store.verify import Checked


@pytest.fixture
def digests(store: Store, tmp_path: Path) -> list[Digest]:
    found = []
    for number in range(3):
        (tmp_path / "file").write_bytes(os.urandom(300_000 + number))
        found.append(store.adopt(tmp_path / "file")[0])
    return sorted(found)


def _flip(store: Store, digest: Digest, at: int) -> None:
    path = store.object(digest)
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)
        file.seek(at)
        file.write(bytes([byte[0] ^ 1]))
    # Like bit rot: `stat` can't tell.
    if (sidecar := Sidecar.read(store.layout.sidecar(digest))) is not None:
        Sidecar.of(path.stat(), sidecar.blake3, now=0).write(store.layout.sidecar(digest))


def test_a_sound_store_is_sound(store: Store, digests: list[Digest]) -> None:
    seen: list[Checked] = []
    report = store.verify(seen.append)
    assert report.corrupt == ()
    assert (report.objects, report.bytes) == (3, sum(store.sizes().values()))
    assert [checked.name for checked in seen] == digests


@pytest.mark.parametrize("at", [0, 150_000, 299_999])
def test_a_flipped_bit_is_found_anywhere(store: Store, digests: list[Digest], at: int) -> None:
    _flip(store, digests[1], at)
    assert store.has(digests[1])
    (finding,) = store.verify().corrupt
    assert (finding.kind, finding.name) == ("object", digests[1])
    assert finding.aside.exists()
    assert not store.has(digests[1])
    assert store.verify().corrupt == ()


def test_an_object_without_a_sidecar_is_compared_with_its_name(store: Store, digests: list[Digest]) -> None:
    store.layout.sidecar(digests[0]).unlink()
    store.layout.sidecar(digests[1]).unlink()
    _flip(store, digests[1], 7)
    assert [finding.name for finding in store.verify().corrupt] == [digests[1]]
    assert store.layout.sidecar(digests[0]).exists()


def test_a_sidecar_that_lies_condemns_nothing(store: Store, digests: list[Digest]) -> None:
    path = store.layout.sidecar(digests[0])
    sidecar = Sidecar.read(path)
    assert sidecar is not None
    msgspec.structs.replace(sidecar, blake3="0" * 64).write(path)
    assert store.verify().corrupt == ()
    mended = Sidecar.read(path)
    assert mended is not None
    assert mended.blake3 == sidecar.blake3


def test_a_cut_object_is_found(store: Store, digests: list[Digest]) -> None:
    os.truncate(store.object(digests[2]), 1000)
    assert [finding.name for finding in store.verify().corrupt] == [digests[2]]

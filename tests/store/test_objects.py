"""Objects: trusted, doubted, adopted."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

import pytest

from zoo.digest import Digest
from zoo.errors import EaiError
from zoo.store import Store
from zoo.store.sidecar import Sidecar

DATA = os.urandom(5000)


@pytest.fixture
def digest(store: Store, tmp_path: Path) -> Digest:
    (tmp_path / "file").write_bytes(DATA)
    return store.adopt(tmp_path / "file")[0]


def test_an_adopted_file_is_an_object(store: Store, digest: Digest) -> None:
    assert digest.hex == hashlib.sha256(DATA).hexdigest()
    assert store.has(digest)
    assert store.object(digest).read_bytes() == DATA
    assert store.sizes() == {digest: len(DATA)}
    assert list(store.layout.ingest.iterdir()) == []


def test_an_object_is_read_only_and_its_time_is_settled(store: Store, digest: Digest) -> None:
    status = store.object(digest).stat()
    assert stat.S_IMODE(status.st_mode) == 0o444
    assert status.st_mtime == 1


def test_adopting_twice_is_nothing_new(store: Store, digest: Digest, tmp_path: Path) -> None:
    assert store.adopt(tmp_path / "file") == (digest, len(DATA))
    assert store.sizes() == {digest: len(DATA)}


def test_an_empty_file_is_an_object_too(store: Store, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    digest, size = store.adopt(tmp_path / "empty")
    assert (size, store.has(digest)) == (0, True)
    assert store.verify().corrupt == ()


def test_a_file_that_is_not_there_cannot_be_adopted(store: Store, tmp_path: Path) -> None:
    with pytest.raises(EaiError, match="gone"):
        store.adopt(tmp_path / "gone")


def test_adopting_leaves_the_original_as_it_was(store: Store, digest: Digest, tmp_path: Path) -> None:
    status = (tmp_path / "file").stat()
    assert stat.S_IMODE(status.st_mode) & stat.S_IWUSR
    assert status.st_mtime != 1
    (tmp_path / "file").write_bytes(b"something else")
    assert store.object(digest).read_bytes() == DATA


def test_the_sidecar_is_trusted_where_stat_agrees(store: Store, digest: Digest) -> None:
    # Nothing but its BLAKE3 is wrong: `has` believes it, for `verify` to find out.
    path = store.layout.sidecar(digest)
    sidecar = Sidecar.read(path)
    assert sidecar is not None
    assert sidecar.matches(store.object(digest).stat())
    assert len(sidecar.blake3) == 64


@pytest.mark.parametrize("garbage", [b"", b"{}", b"[1", b"null", b'{"size": "x"}', b"{" * 10000])
def test_an_unreadable_sidecar_is_made_again(store: Store, digest: Digest, garbage: bytes) -> None:
    path = store.layout.sidecar(digest)
    path.write_bytes(garbage)
    assert store.has(digest)
    assert Sidecar.read(path) is not None


def test_without_a_sidecar_the_object_is_hashed_again(store: Store, digest: Digest) -> None:
    store.layout.sidecar(digest).unlink()
    assert store.has(digest)
    assert store.layout.sidecar(digest).exists()


def test_a_changed_object_is_set_aside_whatever_its_mode_says(store: Store, digest: Digest) -> None:
    path = store.object(digest)
    path.chmod(0o644)
    path.write_bytes(DATA[:-1] + b"!")
    path.chmod(0o444)
    assert not store.has(digest)
    assert not path.exists()
    assert path.with_name(f"{path.name}.corrupt").exists()
    assert not store.layout.sidecar(digest).exists()


def test_a_copy_of_the_object_is_hashed_before_it_is_trusted(store: Store, digest: Digest) -> None:
    path = store.object(digest)
    path.unlink()
    path.write_bytes(DATA)
    os.utime(path, (1, 1))
    assert store.has(digest)
    path.unlink()
    path.write_bytes(DATA[::-1])
    os.utime(path, (1, 1))
    assert not store.has(digest)


def test_a_link_or_a_folder_is_no_object(store: Store, digest: Digest, tmp_path: Path) -> None:
    path = store.object(digest)
    path.unlink()
    path.symlink_to(tmp_path / "file")
    assert not store.has(digest)
    path.mkdir()
    assert not store.has(digest)


def test_an_object_that_is_gone_is_not_there(store: Store, digest: Digest) -> None:
    store.object(digest).unlink()
    assert not store.has(digest)
    assert store.sizes() == {}

"""Views: names for objects."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from zoo.digest import Digest
from zoo.errors import EaiError
from zoo.store import Store

A, B = (Digest("sha256:" + digit * 64) for digit in "ab")


def _adopted(store: Store, tmp_path: Path, data: bytes) -> Digest:
    (tmp_path / "file").write_bytes(data)
    return store.adopt(tmp_path / "file")[0]


def test_a_view_shows_objects_under_their_names(store: Store, tmp_path: Path) -> None:
    digest = _adopted(store, tmp_path, b"data")
    view = store.view({"model.gguf": digest, "parts/model-00001-of-00002.gguf": digest})
    assert (view / "model.gguf").read_bytes() == b"data"
    assert (view / "parts" / "model-00001-of-00002.gguf").read_bytes() == b"data"


def test_a_view_moves_with_its_store(store: Store, tmp_path: Path) -> None:
    view = store.view({"m.gguf": _adopted(store, tmp_path, b"data")})
    moved = tmp_path / "elsewhere"
    shutil.move(store.root, moved)
    assert (moved / view.relative_to(store.root) / "m.gguf").read_bytes() == b"data"


def test_the_same_view_is_made_once_whatever_the_order(store: Store) -> None:
    first = store.view({"a": A, "b": B})
    inode = first.stat().st_ino
    assert store.view({"b": B, "a": A}) == first
    assert first.stat().st_ino == inode
    assert store.view({"a": B, "b": A}) != first
    assert list(store.layout.ingest.iterdir()) == []


def test_a_damaged_view_is_made_again(store: Store) -> None:
    view = store.view({"a": A, "b": B})
    (view / "a").unlink()
    (view / "b").unlink()
    (view / "b").symlink_to("/etc/passwd")
    assert store.view({"a": A, "b": B}) == view
    assert (view / "a").is_symlink()
    assert str((view / "b").readlink()).endswith(B.hex)


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../a",
        "a/../b",
        "/a",
        "a//b",
        "a/",
        "a\\b",
        "a\0",
        "a\n",
        "c:a",
        "a*",
        "\u202e",
        "x" * 256,
    ],
)
def test_only_clean_names_are_shown(store: Store, name: str) -> None:
    with pytest.raises(EaiError):
        store.view({name: A})


@pytest.mark.parametrize(
    "names", [("A.gguf", "a.gguf"), ("\u00e9.gguf", "e\u0301.gguf"), ("a", "a/b"), ("A", "a/b/c")]
)
def test_names_that_are_one_on_some_file_systems_are_refused(store: Store, names: tuple[str, str]) -> None:
    with pytest.raises(EaiError):
        store.view(dict.fromkeys(names, A))


def test_an_empty_view_is_an_empty_folder(store: Store) -> None:
    assert list(store.view({}).iterdir()) == []

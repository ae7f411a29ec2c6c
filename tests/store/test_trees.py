"""Trees: whole or not at all."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from zoo.digest import Digest
from zoo.errors import EaiError
from zoo.store import Store

KEY = Digest("sha256:" + "ab" * 32)


def fill(folder: Path) -> None:
    (folder / "bin").mkdir()
    (folder / "bin" / "server").write_bytes(b"program")
    (folder / "bin" / "server").chmod(0o755)
    (folder / "lib").mkdir()
    (folder / "lib" / "it.so").write_bytes(b"library")
    (folder / "lib" / "it.so.1").symlink_to("it.so")
    (folder / "empty").mkdir()
    (folder / "libs").symlink_to("lib")


def test_a_tree_is_there_once_it_is_whole(store: Store) -> None:
    assert store.tree(KEY) is None
    tree = store.add_tree(KEY, fill)
    assert store.tree(KEY) == tree == store.root / "trees" / KEY.hex
    assert (tree / "bin" / "server").read_bytes() == b"program"
    assert (tree / "lib" / "it.so.1").read_bytes() == b"library"
    assert store.trees() == [tree]
    assert list(store.layout.ingest.iterdir()) == []


def test_a_tree_is_read_only_and_programs_stay_programs(store: Store) -> None:
    tree = store.add_tree(KEY, fill)
    modes = {
        path.relative_to(tree).as_posix(): stat.S_IMODE(path.stat().st_mode) for path in tree.rglob("*.so")
    }
    assert modes == {"lib/it.so": 0o444}
    assert stat.S_IMODE((tree / "bin" / "server").stat().st_mode) == 0o555
    assert {stat.S_IMODE(p.stat().st_mode) for p in (tree, tree / "bin", tree / "empty")} == {0o555}


def test_a_tree_is_not_made_twice(store: Store) -> None:
    tree = store.add_tree(KEY, fill)

    def never(folder: Path) -> None:
        raise AssertionError(folder)

    assert store.add_tree(KEY, never) == tree


def test_the_faster_of_two_wins(store: Store) -> None:
    def slow(folder: Path) -> None:
        (folder / "slow").touch()
        store.add_tree(KEY, fill)

    tree = store.add_tree(KEY, slow)
    assert not (tree / "slow").exists()
    assert store.verify().corrupt == ()


def test_a_tree_that_cannot_be_filled_leaves_nothing(store: Store) -> None:
    def fails(folder: Path) -> None:
        fill(folder)
        raise EaiError("bad archive")

    with pytest.raises(EaiError, match="bad archive"):
        store.add_tree(KEY, fails)
    assert store.tree(KEY) is None
    assert list(store.layout.ingest.iterdir()) == []


@pytest.mark.parametrize("link", ["/etc/passwd", "../outside", "lib/../../../x"])
def test_links_that_leave_the_tree_are_refused(store: Store, link: str) -> None:
    with pytest.raises(EaiError, match="out of the tree"):
        store.add_tree(KEY, lambda folder: (folder / "a").symlink_to(link))


def test_a_pipe_is_refused(store: Store) -> None:
    with pytest.raises(EaiError, match="neither a file"):
        store.add_tree(KEY, lambda folder: os.mkfifo(folder / "a"))


@pytest.mark.parametrize("key", ["", "..", "a/b", ".hidden", "x.corrupt", "UPPER", "a" * 200])
def test_a_key_is_a_plain_name(store: Store, key: str) -> None:
    with pytest.raises(ValueError, match="can't name a tree"):
        store.tree(key)


def _append(path: Path) -> None:
    path.chmod(0o644)
    path.write_bytes(path.read_bytes() + b"!")


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        (lambda tree: _append(tree / "lib" / "it.so"), "lib/it.so has changed"),
        (lambda tree: (tree / "bin" / "server").unlink(), "bin/server is gone"),
        (lambda tree: (tree / "bin" / "server").chmod(0o444), "bin/server has changed"),
        (lambda tree: (tree / "lib" / "more.so").touch(), "lib/more.so is new"),
        (lambda tree: (tree / ".eai-manifest.json").unlink(), "is gone"),
        (lambda tree: _append(tree / ".eai-manifest.json"), "can't be read"),
        (lambda tree: ((tree / "libs").unlink(), (tree / "libs").symlink_to("bin")), "libs has changed"),
        (lambda tree: ((tree / "libs").unlink(), (tree / "libs").symlink_to("/")), "out of the tree"),
    ],
)
def test_a_damaged_tree_is_found_and_set_aside(
    store: Store, harm: Callable[[Path], object], reason: str
) -> None:
    tree = store.add_tree(KEY, fill)
    for folder in (tree, *tree.rglob("*/")):
        folder.chmod(0o755)
    harm(tree)
    (finding,) = store.verify().corrupt
    assert (finding.kind, finding.name) == ("tree", KEY.hex)
    assert reason in finding.reason
    assert finding.aside.is_dir()
    assert store.tree(KEY) is None
    assert store.verify().trees == 0
    store.add_tree(KEY, fill)
    assert store.verify().corrupt == ()


def test_a_tree_that_is_damaged_again_replaces_what_was_set_aside(store: Store) -> None:
    for _ in range(2):
        _append(store.add_tree(KEY, fill) / "lib" / "it.so")
        assert len(store.verify().corrupt) == 1

"""Roots: who needs what."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from zoo.digest import Digest
from zoo.errors import EaiError
from zoo.store import Store, roots
from zoo.store.owner import Owner


@pytest.fixture
def view(store: Store) -> Path:
    return store.view({"a": Digest("sha256:" + "a" * 64)})


def test_a_project_holds_what_it_needs(store: Store, view: Path, tmp_path: Path) -> None:
    current = roots.hold(store.layout, tmp_path, {"chat": view})
    assert current == tmp_path / ".eai" / "current"
    assert (current / "chat").resolve() == view
    (root,) = store.layout.auto_roots.iterdir()
    assert root.readlink() == current
    assert (tmp_path / ".eai" / ".gitignore").read_text() == "*\n"


def test_the_store_knows_its_projects(store: Store, view: Path, tmp_path: Path) -> None:
    assert store.projects() == []
    for name in ("a", "b"):
        roots.hold(store.layout, tmp_path / name, {"chat": view})
    roots.register(store.layout, tmp_path / "some" / "link")
    (store.layout.auto_roots / "stray").write_bytes(b"no link")
    assert set(store.projects()) == {tmp_path / "a", tmp_path / "b"}


def test_a_project_lets_go_of_what_it_no_longer_needs(store: Store, view: Path, tmp_path: Path) -> None:
    other = store.view({"b": Digest("sha256:" + "b" * 64)})
    roots.hold(store.layout, tmp_path, {"chat": view})
    current = roots.hold(store.layout, tmp_path, {"chat": other})
    assert (current / "chat").resolve() == other
    assert len(list((tmp_path / ".eai").glob("needs-*"))) == 1
    assert len(list(store.layout.auto_roots.iterdir())) == 1


def test_holding_the_same_again_changes_nothing(store: Store, view: Path, tmp_path: Path) -> None:
    first = roots.hold(store.layout, tmp_path, {"chat": view}).readlink()
    assert roots.hold(store.layout, tmp_path, {"chat": view}).readlink() == first


def test_a_need_has_a_clean_name(store: Store, view: Path, tmp_path: Path) -> None:
    with pytest.raises(EaiError):
        roots.hold(store.layout, tmp_path, {"../chat": view})


def test_a_running_process_holds_what_it_uses_until_it_ends(store: Store, view: Path) -> None:
    with roots.running(store.layout, [view]) as root:
        assert root.name == f"{Owner.me()}.json"
        assert json.loads(root.read_text()) == [str(view.relative_to(store.root))]
    assert list(store.layout.run_roots.iterdir()) == []


def test_what_killed_processes_held_is_let_go(store: Store, view: Path) -> None:
    store.layout.prepare()
    dead = store.layout.run_roots / f"{replace(Owner.me(), started=1)}.json"
    far = store.layout.run_roots / f"{replace(Owner.me(), machine='0' * 16, started=1)}.json"
    for root in (dead, far):
        root.write_text("[]")
    with roots.running(store.layout, [view]) as mine:
        assert set(store.layout.run_roots.iterdir()) == {far, mine}


def test_holding_again_mends_what_is_gone(store: Store, view: Path, tmp_path: Path) -> None:
    current = roots.hold(store.layout, tmp_path, {"chat": view})
    (current / "chat").unlink()
    (root,) = store.layout.auto_roots.iterdir()
    root.unlink()
    roots.hold(store.layout, tmp_path, {"chat": view})
    assert (current / "chat").resolve() == view
    assert root.readlink() == current

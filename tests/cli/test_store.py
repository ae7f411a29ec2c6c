"""`eai store`: looking into the store, as a person does it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from zoo.digest import Digest
from zoo.store import Store

Eai = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "home" / "store")


@pytest.fixture
def digest(store: Store, tmp_path: Path) -> Digest:
    (tmp_path / "file").write_bytes(os.urandom(5000))
    return store.adopt(tmp_path / "file")[0]


def flip(store: Store, digest: Digest) -> None:
    path = store.object(digest)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[::-1])


def test_an_empty_store_is_listed_and_sound_and_not_even_made(eai: Eai, store: Store) -> None:
    assert eai("store", "ls").stdout == ""
    assert eai("store", "verify").returncode == 0
    assert not store.root.exists()


def test_objects_are_listed_with_their_size(eai: Eai, store: Store, digest: Digest) -> None:
    done = eai("store", "ls")
    assert done.stdout.split() == [digest, "5,000"]
    assert "1 object, 5,000 bytes" in done.stderr


def test_programs_read_the_listing_as_json(eai: Eai, store: Store, digest: Digest) -> None:
    store.add_tree("some-build", lambda folder: (folder / "f").touch())
    said = json.loads(eai("store", "ls", "--json").stdout)
    assert said == {
        "store": str(store.root),
        "objects": [{"digest": digest, "size": 5000, "path": str(store.object(digest))}],
        "trees": [str(store.root / "trees" / "some-build")],
    }


def test_a_flipped_byte_is_found_and_the_way_out_is_said(eai: Eai, store: Store, digest: Digest) -> None:
    assert eai("store", "verify").returncode == 0
    flip(store, digest)
    done = eai("store", "verify")
    assert done.returncode == 4
    assert digest in done.stderr
    assert "hint: " in done.stderr
    assert "eai fetch" in done.stderr
    assert eai("store", "verify").returncode == 0


def test_programs_read_what_is_corrupt_as_json(eai: Eai, store: Store, digest: Digest) -> None:
    flip(store, digest)
    done = eai("store", "verify", "--json")
    assert done.returncode == 4
    (finding,) = json.loads(done.stdout)["corrupt"]
    assert (finding["kind"], finding["name"]) == ("object", digest)
    assert Path(finding["aside"]).exists()


def test_the_path_of_an_object_is_found_by_its_first_digits(eai: Eai, store: Store, digest: Digest) -> None:
    for words in (digest, digest.hex, digest.short, digest.hex[:4].upper()):
        assert eai("store", "path", words).stdout == f"{store.object(digest)}\n"
    assert eai("store", "path").stdout == f"{store.root}\n"


def test_a_digest_that_is_not_there_or_too_short_is_an_error(eai: Eai, digest: Digest) -> None:
    absent = "0000" if digest.hex[:4] != "0000" else "1111"
    assert eai("store", "path", absent).returncode == 1
    assert eai("store", "path", digest.hex[:3]).returncode == 2


def test_a_store_of_a_newer_eai_is_left_alone(eai: Eai, store: Store, digest: Digest) -> None:
    (store.root / "version").write_text("2\n")
    done = eai("store", "verify")
    assert done.returncode == 1
    assert "layout" in done.stderr


def test_a_store_that_cannot_be_used_says_where_it_is(eai: Eai, tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file where a folder should be")
    done = eai("store", "ls")
    assert done.returncode == 1
    assert "EAI_HOME" in done.stderr
    assert "Traceback" not in done.stderr

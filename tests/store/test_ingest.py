"""How an object comes into the store."""

from __future__ import annotations

import hashlib
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from zoo.digest import Digest
from zoo.errors import EaiError, IntegrityError
from zoo.store import Store
from zoo.store.ingest import SILENT, Held, Ingest
from zoo.store.owner import Owner
from zoo.store.partial import Filler

DATA = os.urandom(5000)
DIGEST = Digest.of_hex(hashlib.sha256(DATA).hexdigest())


def claimed(store: Store, size: int | None = len(DATA)) -> Ingest:
    claim = store.claim(DIGEST.hex, size)
    assert isinstance(claim, Ingest)
    return claim


def give_to(store: Store, owner: Owner) -> Path:
    """Make it look as if another process held the download."""
    (file,) = store.layout.partial(DIGEST.hex).glob("owner.*")
    return file.rename(file.with_name(f"owner.{owner}"))


def test_a_verified_file_becomes_an_object(store: Store) -> None:
    ingest = claimed(store)
    Filler(ingest.partial, 0).feed(DATA)
    ingest.commit(DIGEST)
    assert store.has(DIGEST)
    assert store.object(DIGEST).read_bytes() == DATA
    assert list(store.layout.ingest.iterdir()) == []


def test_other_bytes_do_not_become_an_object(store: Store) -> None:
    ingest = claimed(store)
    Filler(ingest.partial, 0).feed(DATA[::-1])
    with pytest.raises(IntegrityError, match="expected sha256:"):
        ingest.commit(DIGEST)
    assert not store.object(DIGEST).exists()
    ingest.restart()
    Filler(ingest.partial, 0).feed(DATA)
    ingest.commit(DIGEST)
    assert store.has(DIGEST)


def test_an_unknown_digest_is_learnt(store: Store) -> None:
    ingest = claimed(store, None)
    filler = Filler(ingest.partial, 0)
    filler.feed(DATA)
    filler.finish()
    assert ingest.commit(None).digest == DIGEST
    assert store.has(DIGEST)


def test_only_one_can_hold_a_download(store: Store) -> None:
    ingest = claimed(store)
    other = store.claim(DIGEST.hex, len(DATA))
    assert isinstance(other, Held)
    assert other.owner == Owner.me()
    ingest.release()
    claimed(store).release()


def test_what_was_let_go_goes_on_where_it_was(store: Store) -> None:
    ingest = claimed(store)
    Filler(ingest.partial, 0).feed(DATA[:3000])
    ingest.release()
    assert store.held(DIGEST, len(DATA)) == 2048
    ingest = claimed(store)
    assert ingest.partial.missing() == [(2048, 5000)]
    Filler(ingest.partial, 2048).feed(DATA[2048:])
    ingest.commit(DIGEST)
    assert store.has(DIGEST)


def test_what_a_dead_process_held_goes_on_too(store: Store) -> None:
    ingest = claimed(store)
    Filler(ingest.partial, 0).feed(DATA[:3000])
    give_to(store, replace(Owner.me(), started=1))
    ingest.release()
    assert claimed(store).partial.held == 2048


def test_a_process_on_another_machine_is_believed_while_it_gives_signs(store: Store) -> None:
    ingest = claimed(store)
    file = give_to(store, replace(Owner.me(), machine="0" * 16))
    assert isinstance(store.claim(DIGEST.hex, len(DATA)), Held)
    silent = time.time() - SILENT - 1
    os.utime(file, (silent, silent))
    claimed(store).release()
    ingest.release()


def test_a_beat_is_a_sign_of_life(store: Store) -> None:
    ingest = claimed(store)
    (file,) = store.layout.partial(DIGEST.hex).glob("owner.*")
    os.utime(file, (1, 1))
    ingest.beat()
    assert file.stat().st_mtime > 1
    ingest.discard()
    ingest.beat()


def test_who_was_taken_for_dead_stores_nothing(store: Store) -> None:
    ingest = claimed(store)
    Filler(ingest.partial, 0).feed(DATA)
    give_to(store, replace(Owner.me(), pid=1))
    with pytest.raises(EaiError, match="took over"):
        ingest.commit(DIGEST)
    assert not store.object(DIGEST).exists()
    ingest.release()


def test_a_folder_that_nobody_owns_is_told_to_a_person(store: Store) -> None:
    store.layout.prepare()
    store.layout.partial(DIGEST.hex).mkdir()
    (store.layout.partial(DIGEST.hex) / "data").touch()
    with pytest.raises(EaiError, match="held by nobody") as caught:
        store.claim(DIGEST.hex, len(DATA))
    assert caught.value.hint is not None


def test_tidying_removes_what_the_dead_left_and_nothing_else(store: Store) -> None:
    ingest = claimed(store)
    folder = store.layout.ingest
    dead = folder / f".tree.{replace(Owner.me(), started=1)}.00ff"
    (dead / "bin").mkdir(parents=True)
    mine = folder / f".tree.{Owner.me()}.00ff"
    far = folder / f".tree.{replace(Owner.me(), machine='0' * 16)}.00ff"
    strange = folder / ".DS_Store"
    for path in (mine, far, strange):
        path.mkdir()
    store.tidy()
    assert set(folder.iterdir()) == {store.layout.partial(DIGEST.hex), mine, far, strange}
    ingest.discard()


def test_a_download_that_could_not_begin_is_held_by_nobody(store: Store) -> None:
    ingest = claimed(store)
    Filler(ingest.partial, 0).feed(DATA[:3000])
    ingest.release()
    data = store.layout.partial(DIGEST.hex) / "data"
    data.unlink()
    data.mkdir()
    with pytest.raises(EaiError, match="data"):
        store.claim(DIGEST.hex, len(DATA))
    data.rmdir()
    claimed(store).release()

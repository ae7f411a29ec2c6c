"""Objects for many who ask at once: hashed once, though nothing of it can be written down."""

from __future__ import annotations

import asyncio

import pytest
from support.fetching import digest_of
from support.sharing import DATA, SMALL

from zoo.digest import Digest
from zoo.errors import EaiError
from zoo.share.objects import Objects
from zoo.store import Store


async def test_an_object_is_looked_at_once_until_it_changes(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Digest] = []
    really = store.has

    def has(digest: Digest) -> bool:
        asked.append(digest)
        return really(digest)

    monkeypatch.setattr(store, "has", has)
    objects, digest = Objects(store), digest_of(DATA)
    found = await asyncio.gather(*(objects.find(digest) for _ in range(20)))
    assert set(found) == {store.object(digest)}
    assert await objects.find(digest) is not None
    assert len(asked) == 1
    path = store.object(digest)
    path.chmod(0o644)
    path.write_bytes(DATA[::-1])
    assert await objects.find(digest) is None
    assert len(asked) == 2


async def test_one_who_leaves_does_not_end_what_others_wait_for(store: Store) -> None:
    objects, digest = Objects(store), digest_of(SMALL)
    first = asyncio.create_task(objects.find(digest))
    await asyncio.sleep(0)
    other = asyncio.create_task(objects.find(digest))
    first.cancel()
    assert await other == store.object(digest)


async def test_what_cannot_be_read_is_not_here(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def has(_: Digest) -> bool:
        raise EaiError("the disk says no")

    monkeypatch.setattr(store, "has", has)
    assert await Objects(store).find(digest_of(SMALL)) is None

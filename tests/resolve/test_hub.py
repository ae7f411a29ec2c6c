"""Locking and fetching from a Hub: the real client, the real downloader and the real store."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from support.hub import Hub
from support.shelf import Workshop, digest_of

from zoo.errors import AccessDenied
from zoo.fetch.plan import plan
from zoo.fetch.run import fetch
from zoo.lock.model import Lock, SourceKind
from zoo.lock.toml import dumps
from zoo.resolve.run import resolve
from zoo.resolve.upgrade import Upgrade
from zoo.sources.base import Source
from zoo.sources.registry import sources
from zoo.store import Store
from zoo.zoofile.read import parse

LION = '[models.lion]\nhf = "zoo/lion"\nfile = "lion.gguf"\n'
EYES = '[models.eyes]\nhf = "zoo/lion"\npattern = "Q8_0"\nmmproj = "mmproj.gguf"\n'
TAIL = bytes(4 << 20)


def from_hub(hub: Hub, folder: Path, **env: str) -> Mapping[SourceKind, Source]:
    return sources(base=folder, env={"HF_ENDPOINT": hub.url, **env}, offline=False)


def lock(text: str, every: Mapping[SourceKind, Source], store: Store) -> Lock:
    return resolve(
        parse(text),
        None,
        sources=every,
        providers={"pypi": Workshop()},
        store=store,
        upgrade=Upgrade(),
        progress=lambda event: None,
    )


def test_a_split_model_with_its_projector_is_locked_then_fetched(
    hub: Hub, tmp_path: Path, shards: tuple[bytes, ...], write: Callable[..., bytes]
) -> None:
    names = [f"Q8_0/lion-Q8_0-0000{at}-of-00003.gguf" for at in (1, 2, 3)]
    files = dict(zip(names, (data + TAIL for data in shards), strict=True))
    hub.repo("zoo/lion", {**files, "mmproj.gguf": write("clip"), "lion-Q4_0.gguf": b"GGUF"})
    store = Store(tmp_path / "store")

    every = from_hub(hub, tmp_path)
    made = lock(EYES, every, store)
    looked = len(hub.requests("storage"))
    todo = plan([artifact for artifact in made.artifact if artifact.hf], store)
    fetch(todo, store, every, progress=lambda event: None, offline=False, jobs=4)

    [model] = made.model
    assert [file.digest for file in model.weights] == [digest_of(data) for data in files.values()]
    assert model.facts.mmproj
    assert looked == 4
    assert len(todo.missing) == 4
    for file in model.files():
        assert digest_of(store.object(file.digest).read_bytes()) == file.digest


def test_what_is_in_the_store_already_is_not_looked_into_at_the_hub(
    hub: Hub, tmp_path: Path, shapes: Callable[..., bytes]
) -> None:
    hub.repo("zoo/lion", {"lion.gguf": shapes()})
    store = Store(tmp_path / "store")
    (tmp_path / "lion.gguf").write_bytes(shapes())
    store.adopt(tmp_path / "lion.gguf")

    lock(LION, from_hub(hub, tmp_path), store)

    assert [request.path for request in hub.seen] == ["/api/models/zoo/lion/revision/main"]


def test_a_gated_model_is_told_by_name_with_where_to_accept_its_terms(
    hub: Hub, tmp_path: Path, shapes: Callable[..., bytes]
) -> None:
    hub.repo("zoo/lion", {"lion.gguf": shapes()}, gated=True)

    with pytest.raises(AccessDenied) as caught:
        lock(LION, from_hub(hub, tmp_path), Store(tmp_path / "store"))

    assert caught.value.message.startswith("lion: zoo/lion is gated")
    assert f"{hub.url}/zoo/lion" in str(caught.value.hint)


def test_a_private_model_is_locked_and_its_token_is_nowhere(
    hub: Hub, tmp_path: Path, shapes: Callable[..., bytes]
) -> None:
    hub.repo("zoo/lion", {"lion.gguf": shapes()}, private=True, allowed=frozenset({"hf_good"}))

    made = lock(LION, from_hub(hub, tmp_path, HF_TOKEN="hf_good"), Store(tmp_path / "store"))

    assert "hf_good" not in dumps(made)

"""The sources of a project, by kind."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.lying import Server, honest

from zoo.errors import Offline
from zoo.lock.model import SOURCE_KINDS
from zoo.sources.registry import PREFERENCE, sources
from zoo.zoofile.model import Origin


def test_every_source_knows_its_kind(tmp_path: Path) -> None:
    found = sources(base=tmp_path, env={}, offline=False)
    assert {kind: source.kind for kind, source in found.items()} == {kind: kind for kind in found}
    assert len(found) == len(list(found))


def test_every_kind_has_its_place_in_the_preference() -> None:
    assert sorted(PREFERENCE) == sorted(SOURCE_KINDS)


def test_paths_start_from_the_project(tmp_path: Path) -> None:
    (tmp_path / "m.gguf").write_bytes(b"GGUF")
    (found,) = sources(base=tmp_path, env={}, offline=True)["path"].find(Origin(path="m.gguf"))
    assert found.size == 4


def test_offline_a_distant_source_refuses_and_says_what_it_would_have_asked_for(tmp_path: Path) -> None:
    url = sources(base=tmp_path, env={}, offline=True)["url"]
    assert not url.local
    with pytest.raises(Offline, match="https://host/f"):
        url.find(Origin(url="https://host/f"))
    with pytest.raises(Offline, match="https://host/f"):
        url.open("https://host/f", size=None)


def test_the_sources_share_a_client(tmp_path: Path, server: Server) -> None:
    address = server.on("/f", honest(b"abc"))
    found = sources(base=tmp_path, env={}, offline=False)
    with found["url"].open(address, size=3) as download, download.read(0, None) as body:
        assert b"".join(body.chunks) == b"abc"
    assert server.asked[0].headers["user-agent"].startswith("eai/")

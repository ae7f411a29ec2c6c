"""Files of a release of GitHub, read whole and in ranges."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.github import File, GitHub, serving

from zoo.errors import NotThere, SourceError
from zoo.sources.github import uri
from zoo.sources.registry import PREFERENCE, sources
from zoo.zoofile.model import Origin

REPO, NAME = "leejet/stable-diffusion.cpp", "sd-master-97d2990-bin-win-cpu-x64.zip"
CONTENT = bytes(range(256)) * 10


@pytest.fixture
def github() -> Iterator[GitHub]:
    with serving() as made:
        made.release(REPO, "master-827-97d2990", File(name=NAME, content=CONTENT))
        yield made


def _read(github: GitHub, name: str, start: int = 0, stop: int | None = None, **env: str) -> bytes:
    found = sources(base=Path(), env={**github.env, **env}, offline=False)["github"]
    with found.open(name, size=None) as download, download.read(start, stop) as body:
        return b"".join(body.chunks)


def test_a_file_of_a_release_is_read_whole_and_in_ranges(github: GitHub) -> None:
    name = uri(REPO, "master-827-97d2990", NAME)

    assert name == f"github://{REPO}@master-827-97d2990/{NAME}"
    assert _read(github, name) == CONTENT
    assert _read(github, name, 10, 20) == CONTENT[10:20]


def test_no_token_leaves_for_a_download(github: GitHub) -> None:
    _read(github, uri(REPO, "master-827-97d2990", NAME), GITHUB_TOKEN="secret")

    assert [asked.token for asked in github.asked] == [None]
    assert "authorization" not in github.storage.asked[0].headers


def test_a_file_that_is_not_there_is_told(github: GitHub) -> None:
    with pytest.raises(NotThere):
        _read(github, uri(REPO, "master-827-97d2990", "other.zip"))


@pytest.mark.parametrize("name", ["github://a/b", "github://a/b@t/../x", "https://host/", "github://a@t/f"])
def test_what_names_no_file_is_refused(github: GitHub, name: str) -> None:
    with pytest.raises(SourceError, match="names no file of a release"):
        _read(github, name)


def test_no_model_is_found_there(github: GitHub) -> None:
    with pytest.raises(SourceError, match="no models"):
        sources(base=Path(), env={}, offline=False)["github"].find(Origin())


def test_it_has_its_place_among_the_sources() -> None:
    assert "github" in PREFERENCE
    assert not sources(base=Path(), env={}, offline=True)["github"].local

"""Reading from the Hub: our downloader against a server that speaks the Hub's API."""

from __future__ import annotations

from pathlib import Path

import httpx2
import huggingface_hub
import pytest
from support.asking import LION, MODEL, TOKEN, find, read
from support.hub import Hub
from support.shelf import digest_of

from zoo.errors import AccessDenied, NotThere, SizeMismatch, SourceChanged, SourceError
from zoo.zoofile.model import Origin


def test_ranges_come_from_the_storage_and_the_token_stays_at_the_endpoint(hub: Hub) -> None:
    hub.repo("zoo/lion", {"lion.gguf": MODEL}, private=True, allowed=frozenset({TOKEN}))
    [found] = find(hub, LION, HF_TOKEN=TOKEN)

    first, last = read(hub, found.uri, (0, 100), (100, None), size=found.size, HF_TOKEN=TOKEN)

    assert first + last == MODEL
    assert all(request.headers["authorization"] == f"Bearer {TOKEN}" for request in hub.requests())
    assert all("authorization" not in request.headers for request in hub.requests("storage"))
    assert [request.headers["range"] for request in hub.requests("storage")] == ["bytes=0-99", "bytes=100-"]


def test_the_endpoint_is_asked_once_while_the_link_that_it_gave_holds(hub: Hub) -> None:
    hub.repo("zoo/lion", {"lion.gguf": MODEL})
    [found] = find(hub, LION)

    read(hub, found.uri, (0, 10), (10, 20), (20, 30), size=found.size)

    assert sum(1 for request in hub.requests() if "/resolve/" in request.path) == 1


def test_a_file_in_git_comes_from_the_endpoint_itself(hub: Hub) -> None:
    hub.repo("zoo/lion", {"a folder/template.jinja": b"{{ messages }}"})
    [found] = find(hub, Origin(hf="zoo/lion", file="a folder/template.jinja"))

    assert read(hub, found.uri) == [b"{{ messages }}"]
    assert hub.requests("storage") == []


def test_a_repository_that_was_renamed_since_it_was_locked_is_followed(hub: Hub) -> None:
    hub.repo("zoo/lion", {"lion.gguf": MODEL})
    [found] = find(hub, LION)
    hub.rename("zoo/lion", "savanna/lion")

    assert read(hub, found.uri, size=found.size) == [MODEL]


def test_a_gated_repository_is_found_but_its_files_need_an_agreement(hub: Hub) -> None:
    hub.repo("zoo/lion", {"lion.gguf": MODEL}, gated=True, allowed=frozenset({TOKEN}))
    [found] = find(hub, LION)

    with pytest.raises(AccessDenied) as anonymous:
        read(hub, found.uri)
    with pytest.raises(AccessDenied) as stranger:
        read(hub, found.uri, HF_TOKEN="hf_stranger")

    assert anonymous.value.message == "zoo/lion is gated: only those who accepted its terms may download it"
    assert f"{hub.url}/zoo/lion" in str(anonymous.value.hint)
    assert "then set HF_TOKEN" in str(anonymous.value.hint)
    assert "must be of that account" in str(stranger.value.hint)
    assert read(hub, found.uri, HF_TOKEN=TOKEN) == [MODEL]


def test_a_file_that_has_gone_from_a_gated_repository_is_not_called_gated(hub: Hub) -> None:
    repo = hub.repo("zoo/lion", {"lion.gguf": MODEL}, gated=True, allowed=frozenset({TOKEN}))
    [found] = find(hub, LION)
    repo.commits[repo.refs["main"]] = {}

    with pytest.raises(NotThere, match="404"):
        read(hub, found.uri, HF_TOKEN=TOKEN)


def test_a_token_file_that_cannot_be_read_is_told(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "token").mkdir()

    with pytest.raises(AccessDenied, match="cannot be read"):
        find(hub, LION)


def test_a_repository_that_has_gone_private_is_told_when_it_is_read(hub: Hub) -> None:
    repo = hub.repo("zoo/lion", {"lion.gguf": MODEL})
    [found] = find(hub, LION)
    repo.private = True

    with pytest.raises(AccessDenied, match="or it is private and no token is set"):
        read(hub, found.uri)


def test_a_file_that_changes_between_two_ranges_is_noticed(hub: Hub) -> None:
    hub.repo("zoo/lion", {"lion.gguf": MODEL})
    [found] = find(hub, LION)
    hub.change_after_first_range("lion.gguf", bytes(reversed(MODEL)))

    with pytest.raises(SourceChanged):
        read(hub, found.uri, (0, 100), (100, 200), size=found.size)


def test_a_file_of_another_size_than_was_locked_is_noticed(hub: Hub) -> None:
    hub.repo("zoo/lion", {"lion.gguf": MODEL})
    [found] = find(hub, LION)

    with pytest.raises(SizeMismatch):
        read(hub, found.uri, (0, 100), size=len(MODEL) + 1)


@pytest.mark.parametrize(
    "uri", ["hf://zoo/lion@main/lion.gguf", "hf://lion", "https://host/x", "hf://a/b/c@" + "a" * 40 + "/x"]
)
def test_a_uri_without_a_commit_is_not_opened(hub: Hub, uri: str) -> None:
    with pytest.raises(SourceError, match="no file on the Hub"):
        read(hub, uri)


def test_the_server_gives_the_real_client_what_it_downloads(hub: Hub, tmp_path: Path) -> None:
    """So that what the other tests prove is proved against a Hub, not against a wish."""
    hub.repo("zoo/lion", {"lion.gguf": MODEL, **{f"note-{i:04}.txt": b"x" for i in range(1500)}})
    huggingface_hub.set_client_factory(lambda: httpx2.Client(follow_redirects=True))
    api = huggingface_hub.HfApi(endpoint=hub.url, token=False)

    listed = list(api.list_repo_tree("zoo/lion", recursive=True))
    meta = huggingface_hub.get_hf_file_metadata(
        huggingface_hub.hf_hub_url("zoo/lion", "lion.gguf", endpoint=hub.url), token=False, endpoint=hub.url
    )

    path = huggingface_hub.hf_hub_download(
        "zoo/lion", "lion.gguf", endpoint=hub.url, token=False, cache_dir=tmp_path
    )
    huggingface_hub.close_session()

    assert Path(path).read_bytes() == MODEL
    assert len(listed) == 1501
    assert (meta.size, meta.etag) == (len(MODEL), digest_of(MODEL).hex)

"""The real huggingface_hub client and our downloader, against a server that speaks the Hub's API."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import httpx2
import huggingface_hub
import pytest
from huggingface_hub import constants
from support.hub import Answer, Hub, running

from zoo.digest import Digest
from zoo.errors import (
    AccessDenied,
    EaiError,
    Interrupted,
    NotThere,
    Offline,
    SizeMismatch,
    SourceChanged,
    SourceError,
)
from zoo.sources.base import Download, Found
from zoo.sources.http import new_client
from zoo.sources.huggingface import HuggingFace
from zoo.zoofile.model import Origin

MODEL = b"GGUF" + bytes(range(256)) * 400
GONE = "http://127.0.0.1:9"
TOKEN = "hf_good"


@pytest.fixture
def hub() -> Iterator[Hub]:
    with running() as served:
        yield served


@pytest.fixture(autouse=True)
def no_token_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the client from the tokens of whoever runs the tests."""
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))


def find(hub: Hub, origin: Origin, **env: str) -> tuple[Found, ...]:
    return HuggingFace({"HF_ENDPOINT": hub.url, **env}, new_client).find(origin)


def read(
    hub: Hub, uri: str, *ranges: tuple[int, int | None], size: int | None = None, **env: str
) -> list[bytes]:
    with new_client() as client:
        source = HuggingFace({"HF_ENDPOINT": hub.url, **env}, lambda: client)
        with source.open(uri, size=size) as download:
            return [read_range(download, start, stop) for start, stop in ranges or ((0, None),)]


def read_range(download: Download, start: int, stop: int | None) -> bytes:
    with download.read(start, stop) as body:
        return b"".join(body.chunks)


def sha256(data: bytes) -> Digest:
    return Digest.of_hex(hashlib.sha256(data).hexdigest())


def test_a_file_is_found_at_the_commit_of_its_branch_with_size_and_digest(hub: Hub) -> None:
    repo = hub.repo("zoo/lion", {"quants/lion-Q4_0.gguf": MODEL, "README.md": b"# Lion"})
    commit = repo.refs["main"]

    found = find(hub, Origin(hf="zoo/lion", file="quants/lion-Q4_0.gguf"))

    assert found == (
        Found(
            path="lion-Q4_0.gguf",
            uri=f"hf://zoo/lion@{commit}/quants/lion-Q4_0.gguf",
            size=len(MODEL),
            digest=sha256(MODEL),
        ),
    )
    assert len(hub.seen) == 1


def test_a_tag_and_a_commit_are_revisions_too(hub: Hub) -> None:
    repo = hub.repo("zoo/lion", {"lion.gguf": b"GGUF old"})
    old = repo.refs["main"]
    repo.refs["v1"] = old
    repo.commit({"lion.gguf": b"GGUF new"})

    for revision in ("v1", old):
        [found] = find(hub, Origin(hf="zoo/lion", file="lion.gguf", revision=revision))
        assert found.uri == f"hf://zoo/lion@{old}/lion.gguf"
        assert found.digest == sha256(b"GGUF old")


def test_a_file_that_is_kept_in_git_has_no_digest(hub: Hub) -> None:
    hub.repo("zoo/lion", {"template.jinja": b"{{ messages }}"})

    [found] = find(hub, Origin(hf="zoo/lion", file="template.jinja"))

    assert (found.size, found.digest) == (14, None)


def test_a_pattern_finds_every_shard_in_order(hub: Hub) -> None:
    shards = {f"Q8_0/lion-Q8_0-0000{i}-of-00003.gguf": b"GGUF%d" % i for i in (3, 1, 2)}
    hub.repo("zoo/lion", {"lion-Q4_K_M.gguf": MODEL, "mmproj-Q8_0.gguf": MODEL, **shards})

    found = find(hub, Origin(hf="zoo/lion", pattern="Q8_0"))

    assert [each.path for each in found] == [f"lion-Q8_0-0000{i}-of-00003.gguf" for i in (1, 2, 3)]
    assert [each.digest for each in found] == [sha256(b"GGUF%d" % i) for i in (1, 2, 3)]


def test_a_mirror_that_tells_no_sizes_with_the_names_is_asked_for_each_file(hub: Hub) -> None:
    hub.repo("zoo/lion", {"lion.gguf": MODEL, "other.gguf": b"GGUF"})
    hub.blobs = False

    [found] = find(hub, Origin(hf="zoo/lion", file="lion.gguf"))

    assert (found.size, found.digest) == (len(MODEL), sha256(MODEL))
    assert [request.path.rpartition("/")[0] for request in hub.seen] == [
        "/api/models/zoo/lion/revision",
        "/api/models/zoo/lion/paths-info",
    ]


def refusal(hub: Hub, origin: Origin, kind: type[EaiError], **env: str) -> EaiError:
    with pytest.raises(kind) as caught:
        find(hub, origin, **env)
    assert type(caught.value) is kind
    assert caught.value.hint is not None
    for secret in hub.tokens | set(env.values()) - {hub.url, GONE}:
        assert secret not in f"{caught.value.message} {caught.value.hint}"
    return caught.value


LION = Origin(hf="zoo/lion", file="lion.gguf")


def test_a_repository_that_is_missing_may_be_private_while_no_token_is_set(hub: Hub) -> None:
    error = refusal(hub, LION, AccessDenied)

    assert error.message == f"{hub.url} has no repository zoo/lion, or it is private and no token is set"
    assert "HF_TOKEN" in str(error.hint)


def test_a_private_repository_is_kept_from_the_token_of_a_stranger(hub: Hub) -> None:
    hub.repo("zoo/lion", {"lion.gguf": MODEL}, private=True, allowed=frozenset({TOKEN}))

    error = refusal(hub, LION, NotThere, HF_TOKEN="hf_stranger")

    assert "this token may not see it" in error.message
    assert find(hub, LION, HF_TOKEN=TOKEN)


def test_a_token_that_is_none_is_told_from_one_without_rights(hub: Hub) -> None:
    hub.repo("zoo/lion", {"lion.gguf": MODEL})

    assert "does not know the token" in refusal(hub, LION, AccessDenied, HF_TOKEN="hf_expired").message


def test_the_token_file_of_the_hubs_own_client_is_used(hub: Hub, tmp_path: Path) -> None:
    hub.repo("zoo/lion", {"lion.gguf": MODEL}, private=True, allowed=frozenset({TOKEN}))
    (tmp_path / "token").write_text(TOKEN)

    assert find(hub, LION)


def test_a_missing_file_comes_with_the_names_that_are_near(hub: Hub) -> None:
    hub.repo("zoo/lion", {"lion-Q4_K_M.gguf": MODEL, "lion-Q8_0.gguf": MODEL, "README.md": b""})

    error = refusal(hub, Origin(hf="zoo/lion", file="lion-Q4_K.gguf"), NotThere)

    assert error.message == "zoo/lion@main has no file 'lion-Q4_K.gguf'"
    assert error.hint == "it has lion-Q4_K_M.gguf, lion-Q8_0.gguf"


def test_a_missing_revision_is_named(hub: Hub) -> None:
    hub.repo("zoo/lion", {"lion.gguf": MODEL})

    error = refusal(hub, Origin(hf="zoo/lion", file="lion.gguf", revision="v9"), NotThere)

    assert error.message == "zoo/lion has no revision 'v9'"


def test_a_renamed_repository_is_told_by_its_new_name(hub: Hub) -> None:
    hub.repo("zoo/lion", {"lion.gguf": MODEL})
    hub.rename("zoo/lion", "savanna/lion")

    error = refusal(hub, LION, NotThere)

    assert error.message == "the repository zoo/lion is now called savanna/lion"
    assert error.hint == 'write hf = "savanna/lion"'


def test_the_token_goes_across_no_redirect_of_the_api(hub: Hub) -> None:
    hub.answer("/api/models", Answer(307, headers=(("location", f"{hub.storage}/api/models/zoo/lion"),)))

    error = refusal(hub, LION, SourceError, HF_TOKEN=TOKEN)

    assert "sends us on to" in error.message
    assert hub.requests("storage") == []


@pytest.mark.parametrize(
    ("answer", "kind", "says"),
    [
        (Answer(429, headers=(("retry-after", "7"),)), Interrupted, "too many requests"),
        (Answer(503), Interrupted, "answered 503"),
        (
            Answer(403, headers=(("x-error-message", "Token \x07lacks rights"),)),
            AccessDenied,
            r"Token .x07lacks",
        ),
        (Answer(400), SourceError, "answered 400"),
        (Answer(200, b"<html>"), SourceError, "what no Hub answers"),
        (Answer(200, b"[]"), SourceError, "what no Hub answers"),
        (Answer(200, b"{}"), SourceError, "what no Hub answers"),
        (Answer(200, json.dumps({"id": "zoo/lion", "sha": "main"}).encode()), SourceError, "which commit"),
    ],
)
def test_odd_answers_each_have_their_message(
    hub: Hub, answer: Answer, kind: type[EaiError], says: str
) -> None:
    hub.repo("zoo/lion", {"lion.gguf": MODEL})
    hub.answer("/api/models", answer)

    with pytest.raises(kind, match=says) as caught:
        find(hub, LION)

    assert caught.value.hint is not None


@pytest.mark.parametrize(
    "sibling",
    [
        {"rfilename": "../../etc/passwd", "size": 1},
        {"rfilename": "a\\b.gguf", "size": 1},
        {"rfilename": "lion.gguf", "size": -1},
        {"rfilename": "lion.gguf", "size": "big"},
        {"rfilename": "lion.gguf", "size": 1, "lfs": {"sha256": "short", "size": 1, "pointerSize": 1}},
        {"rfilename": "bell\x07.gguf", "size": 1},
        {"size": 1},
    ],
)
def test_a_hostile_list_of_files_is_refused(hub: Hub, sibling: dict[str, object]) -> None:
    info = {"id": "zoo/lion", "sha": "a" * 40, "siblings": [sibling]}
    hub.answer("/api/models", Answer(200, json.dumps(info).encode()))

    assert "what no Hub answers" in refusal(hub, LION, SourceError).message


def test_an_endpoint_that_is_not_there_is_named(hub: Hub) -> None:
    assert f"{GONE} cannot be reached" in refusal(hub, LION, SourceError, HF_ENDPOINT=GONE).message


def test_what_can_be_no_name_is_not_asked_for(hub: Hub) -> None:
    assert (
        "no name that a repository can have"
        in refusal(hub, Origin(hf="zoo/li--on", file="x"), NotThere).message
    )
    assert hub.seen == []


def test_the_hubs_own_offline_mode_is_respected(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)

    assert "HF_HUB_OFFLINE" in refusal(hub, LION, Offline).message


def test_nothing_is_reported_about_this_machine(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.repo("zoo/lion", {"lion.gguf": MODEL})
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", False)
    monkeypatch.setattr(constants, "ENDPOINT", hub.url)
    monkeypatch.setattr(constants, "AGENT_HARNESSES_PATH", str(tmp_path / "harnesses.json"))
    monkeypatch.setattr("huggingface_hub.utils._detect_agent._registry", None)

    find(hub, LION)

    assert [request.path for request in hub.seen] == ["/api/models/zoo/lion/revision/main"]


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

    assert "cannot be read" in refusal(hub, LION, AccessDenied).message


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
    assert (meta.size, meta.etag) == (len(MODEL), sha256(MODEL).hex)

"""Looking models up: the real huggingface_hub client against a server that speaks the Hub's API."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from huggingface_hub import constants
from support.asking import LION, MODEL, TOKEN, find
from support.hub import Answer, Hub
from support.shelf import digest_of

from zoo.errors import AccessDenied, EaiError, Interrupted, NotThere, Offline, SourceError
from zoo.sources.base import Found
from zoo.zoofile.model import Origin

GONE = "http://127.0.0.1:9"


def test_a_file_is_found_at_the_commit_of_its_branch_with_size_and_digest(hub: Hub) -> None:
    repo = hub.repo("zoo/lion", {"quants/lion-Q4_0.gguf": MODEL, "README.md": b"# Lion"})
    commit = repo.refs["main"]

    found = find(hub, Origin(hf="zoo/lion", file="quants/lion-Q4_0.gguf"))

    assert found == (
        Found(
            path="lion-Q4_0.gguf",
            uri=f"hf://zoo/lion@{commit}/quants/lion-Q4_0.gguf",
            size=len(MODEL),
            digest=digest_of(MODEL),
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
        assert found.digest == digest_of(b"GGUF old")


def test_a_file_that_is_kept_in_git_has_no_digest(hub: Hub) -> None:
    hub.repo("zoo/lion", {"template.jinja": b"{{ messages }}"})

    [found] = find(hub, Origin(hf="zoo/lion", file="template.jinja"))

    assert (found.size, found.digest) == (14, None)


def test_a_pattern_finds_every_shard_in_order(hub: Hub) -> None:
    shards = {f"Q8_0/lion-Q8_0-0000{i}-of-00003.gguf": b"GGUF%d" % i for i in (3, 1, 2)}
    hub.repo("zoo/lion", {"lion-Q4_K_M.gguf": MODEL, "mmproj-Q8_0.gguf": MODEL, **shards})

    found = find(hub, Origin(hf="zoo/lion", pattern="Q8_0"))

    assert [each.path for each in found] == [f"lion-Q8_0-0000{i}-of-00003.gguf" for i in (1, 2, 3)]
    assert [each.digest for each in found] == [digest_of(b"GGUF%d" % i) for i in (1, 2, 3)]


def test_a_mirror_that_tells_no_sizes_with_the_names_is_asked_for_each_file(hub: Hub) -> None:
    hub.repo("zoo/lion", {"lion.gguf": MODEL, "other.gguf": b"GGUF"})
    hub.blobs = False

    [found] = find(hub, Origin(hf="zoo/lion", file="lion.gguf"))

    assert (found.size, found.digest) == (len(MODEL), digest_of(MODEL))
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

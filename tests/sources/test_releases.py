"""Releases of a repository, as the API of GitHub lists them."""

from __future__ import annotations

import pytest
from support import lying
from support.github import File, GitHub

from zoo.digest import Digest
from zoo.errors import AccessDenied, Interrupted, NotThere, SourceError
from zoo.sources.releases import Hub, Release, Releases, configured

REPO = "ggml-org/llama.cpp"
NOW = 1_800_000_000


def _releases(github: GitHub, token: str | None = None, waits: list[float] | None = None) -> Releases:
    env = {**github.env, **({} if token is None else {"GITHUB_TOKEN": token})}
    sleep = (lambda _: None) if waits is None else waits.append
    return Releases(configured(env), now=lambda: NOW, sleep=sleep)


def test_a_release_is_found_by_its_tag(github: GitHub) -> None:
    github.release(
        REPO, "b1", File(name="a.zip", content=b"abc"), File(name="b.zip", content=b"b", digest=False)
    )

    found = _releases(github).tagged(REPO, "b1")

    assert found.tag_name == "b1"
    assert [(asset.name, asset.size) for asset in found.assets] == [("a.zip", 3), ("b.zip", 1)]
    sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert [asset.sha256() for asset in found.assets] == [Digest.of_hex(sha256), None]


def test_a_tag_that_is_not_there_is_told(github: GitHub) -> None:
    github.release(REPO, "b1")
    with pytest.raises(NotThere, match=r"a release b2 of ggml-org/llama\.cpp"):
        _releases(github).tagged(REPO, "b2")


def test_pages_are_turned_only_as_far_as_is_wanted(github: GitHub) -> None:
    for number in range(35):
        github.release(REPO, f"b{number}")
    newest = _releases(github).newest(REPO)

    assert next(newest).tag_name == "b34"
    assert len(github.asked) == 1
    assert [release.tag_name for release in newest][-1] == "b0"
    assert [asked.query["page"] for asked in github.asked] == [["1"], ["2"]]


def test_a_file_that_is_being_uploaded_does_not_count(github: GitHub) -> None:
    github.release(REPO, "b1", File(name="a", content=b"a", state="starter"), File(name="b", content=b"b"))

    assert list(_releases(github).tagged(REPO, "b1").complete()) == ["b"]


def test_a_token_is_sent_to_the_api(github: GitHub) -> None:
    github.release(REPO, "b1")
    github.tokens = frozenset({"secret"})
    _releases(github, "secret").tagged(REPO, "b1")

    assert [asked.token for asked in github.asked] == ["Bearer secret"]
    assert "secret" not in repr(Hub(token="secret"))


def test_a_token_goes_across_no_redirect(github: GitHub) -> None:
    github.release(REPO, "b1")
    github.renamed["ggerganov/llama.cpp"] = REPO
    github.tokens = frozenset({"secret"})

    assert _releases(github, "secret").tagged("ggerganov/llama.cpp", "b1").tag_name == "b1"
    assert [asked.token for asked in github.asked] == ["Bearer secret", None]


def test_a_token_that_is_not_valid_is_told_without_showing_it(github: GitHub) -> None:
    with pytest.raises(AccessDenied, match="GITHUB_TOKEN") as caught:
        _releases(github, "secret").tagged(REPO, "b1")

    assert "secret" not in str(caught.value)


def test_the_rate_limit_is_explained_with_its_end(github: GitHub) -> None:
    github.remaining, github.reset = 0, NOW + 1500
    with pytest.raises(SourceError, match=r"no more questions for 25 min, until 08:25 UTC") as caught:
        _releases(github).tagged(REPO, "b1")

    assert "60 times an hour" in str(caught.value)
    assert "set GITHUB_TOKEN" in str(caught.value.hint)
    assert "`eai up` go on" in str(caught.value.hint)


@pytest.mark.parametrize("status", [403, 429])
def test_a_short_limit_is_explained_too(github: GitHub, status: int) -> None:
    github.instead = [(status, {"Retry-After": "60", "x-ratelimit-remaining": "55"}, b"{}")]
    with pytest.raises(SourceError, match="for 1 min") as caught:
        _releases(github, "secret").tagged(REPO, "b1")

    assert "the token in GITHUB_TOKEN has asked too often" in str(caught.value)
    assert "set GITHUB_TOKEN" not in str(caught.value.hint)


def test_a_refusal_that_is_no_limit_is_no_limit(github: GitHub) -> None:
    github.instead = [(403, {"x-ratelimit-remaining": "59"}, b"{}")]
    with pytest.raises(AccessDenied, match="refuses to answer"):
        _releases(github).tagged(REPO, "b1")


def test_a_server_that_stumbles_is_asked_again(github: GitHub) -> None:
    github.release(REPO, "b1")
    body = b'{"tag_name": "b1", "assets": []}'
    github.instead = [(502, {}, b""), (503, {}, b""), (200, {}, body)]
    waits: list[float] = []

    assert _releases(github, waits=waits).tagged(REPO, "b1") == Release(tag_name="b1")
    assert waits == [1, 2]


def test_a_server_that_is_broken_is_told(github: GitHub) -> None:
    github.instead = [(500, {}, b"")]
    with pytest.raises(Interrupted, match="problem of its own"):
        _releases(github).tagged(REPO, "b1")
    assert len(github.asked) == 3


def test_no_connection_is_told() -> None:
    nobody = Releases(Hub(api="http://127.0.0.1:9"), sleep=lambda _: None)
    with pytest.raises(Interrupted, match="cannot be asked"):
        nobody.tagged(REPO, "b1")


@pytest.mark.parametrize(
    "body", [b"<html>log in</html>", b"[]", b'{"tag_name": 7}', b"\xff", b'{"assets": []}']
)
def test_what_is_not_the_api_is_told(github: GitHub, body: bytes) -> None:
    github.instead = [(200, {}, body)]
    with pytest.raises(SourceError, match="is not GitHub's API"):
        _releases(github).tagged(REPO, "b1")


def test_an_endless_answer_is_not_read_to_its_end(github: GitHub) -> None:
    github.instead = [(200, {}, b" " * (33 << 20))]
    with pytest.raises(SourceError, match="more than 32 MiB"):
        _releases(github).tagged(REPO, "b1")


def test_a_circle_of_redirects_ends(github: GitHub) -> None:
    github.instead = [(302, {"Location": "/again"}, b"")]
    with pytest.raises(SourceError, match="more than 5 redirects"):
        _releases(github).tagged(REPO, "b1")


@pytest.mark.parametrize("target", ["ftp://host/", "file:///etc/passwd"])
def test_a_redirect_to_elsewhere_than_the_web_is_refused(github: GitHub, target: str) -> None:
    github.instead = [(302, {"Location": target}, b"")]
    with pytest.raises(SourceError, match="no safe address"):
        _releases(github).tagged(REPO, "b1")


def test_a_token_is_not_sent_to_another_host(github: GitHub) -> None:
    with lying.serving() as other:
        url = other.on("/elsewhere", lying.honest(b'{"tag_name": "b1"}'))
        github.instead = [(302, {"Location": url}, b"")]
        _releases(github, "secret").tagged(REPO, "b1")

        assert "authorization" not in other.asked[0].headers


def test_github_is_where_its_own_tools_find_it() -> None:
    assert configured({}) == Hub(api="https://api.github.com", server="https://github.com")
    assert configured({"GITHUB_TOKEN": " ", "GITHUB_API_URL": ""}).token is None
    enterprise = configured(
        {"GITHUB_API_URL": "https://git.example/api/v3/", "GITHUB_SERVER_URL": "https://git.example"}
    )
    assert enterprise == Hub(api="https://git.example/api/v3", server="https://git.example")


@pytest.mark.parametrize(
    "url", ["git.example", "ftp://x/", "https://user:word@x/", "https://x/?q", "http://[::1"]
)
def test_an_address_that_is_none_is_told(url: str) -> None:
    with pytest.raises(SourceError, match="GITHUB_API_URL is no web address"):
        configured({"GITHUB_API_URL": url})

"""Talking to targets: addresses that are none, and secrets that would be seen."""

from __future__ import annotations

import httpx2
import pytest
from support.answering import Reply, Service, reply

from zoo.errors import EaiError, Interrupted, Malformed, TargetError
from zoo.preserve import api
from zoo.preserve.api import Api


@pytest.mark.parametrize("base", ["", "kubo", "ftp://host", "http://", "/ip4/127.0.0.1/tcp/5001", "http://["])
def test_what_is_no_web_address_is_refused(client: httpx2.Client, base: str) -> None:
    with pytest.raises(TargetError, match="is no web address"):
        Api(client, base, "kubo", "hint")


def test_a_secret_goes_nowhere_in_clear_text(client: httpx2.Client) -> None:
    secret = {"Authorization": "Bearer x"}
    with pytest.raises(TargetError, match="in clear text"):
        Api(client, "http://kubo.example:5001", "kubo", "hint", secret)
    with pytest.raises(TargetError, match="in clear text"):
        Api(client, "http://127.0.0.1.example", "kubo", "hint", secret)
    for base in ("https://kubo.example", "http://127.0.0.1:5001", "http://localhost", "http://[::1]:1"):
        Api(client, base, "kubo", "hint", secret)
    Api(client, "http://kubo.example:5001", "kubo", "hint")


@pytest.mark.parametrize("base", ["http://me:s3cret@127.0.0.1:1", "https://pins.example/?key=s3cret"])
def test_an_address_with_a_secret_in_it_is_refused_and_not_shown(client: httpx2.Client, base: str) -> None:
    with pytest.raises(TargetError, match="its address is no web address") as raised:
        Api(client, base, "kubo", "hint")
    assert "s3cret" not in raised.value.message


@pytest.mark.parametrize(
    "body", [b'{"error": {"reason": "no key s3cret"}}', b"no key s3cret", b'{"a": "s3cret"']
)
def test_a_secret_that_a_server_repeats_is_not_shown(
    client: httpx2.Client, service: Service, body: bytes
) -> None:
    service.on("/x", Reply(body, 200 if body.endswith(b'"') else 401))
    with pytest.raises(EaiError) as raised:
        Api(client, service.url, "kubo", "hint", {"Authorization": "Bearer s3cret"}).json("GET", "x")
    assert "s3cret" not in raised.value.message
    assert "…" in raised.value.message


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_no_proxy_is_asked_for_what_runs_here(
    service: Service, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    service.on("/x", reply({"a": 1}))
    with api.new_client() as client:
        url = service.url.replace("127.0.0.1", host)
        assert Api(client, url, "kubo", "hint").json("GET", "x") == {"a": 1}
        with pytest.raises(Interrupted, match="no connection"):
            Api(client, "http://kubo.example", "kubo", "hint").json("GET", "x")


@pytest.mark.parametrize("proxy", ["http://me:s3cret@a:b:c", "ftp://s3cret", "socks5://s3cret:1"])
def test_a_proxy_that_cannot_be_used_is_said_to_be(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy)
    monkeypatch.setenv("http_proxy", proxy)
    with pytest.raises(TargetError, match="names a proxy") as raised:
        api.new_client()
    assert "s3cret" not in f"{raised.value.message} {raised.value.hint}"


def test_a_redirect_is_not_followed(client: httpx2.Client, service: Service) -> None:
    service.on("/from", Reply(status=307, headers={"Location": f"{service.url}/to"}))
    with pytest.raises(TargetError, match="answers 307"):
        Api(client, service.url, "kubo", "hint", {"Authorization": "Bearer x"}).json("POST", "from")
    assert [request.path for request in service.asked] == ["/from"]


def test_an_answer_without_end_is_cut_off(
    client: httpx2.Client, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "ANSWER_MAX", 1000)
    service.on("/x", reply("x" * 2000))
    with pytest.raises(Malformed, match="more than 1000 bytes"):
        Api(client, service.url, "kubo", "hint").json("GET", "x")


@pytest.mark.parametrize("body", [b"<html>", b"", b"[" * 100_000, b"\xff"])
def test_an_answer_that_is_no_json_may_come_right_the_next_time(
    client: httpx2.Client, service: Service, body: bytes
) -> None:
    service.on("/x", Reply(body))
    with pytest.raises(Interrupted, match="is no JSON"):
        Api(client, service.url, "kubo", "hint").json("GET", "x")


@pytest.mark.parametrize(
    ("after", "seconds"),
    [("3", 3.0), ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0), ("soon", None), (None, None)],
)
def test_when_to_come_back_is_read(
    client: httpx2.Client, service: Service, after: str | None, seconds: float | None
) -> None:
    service.on("/x", Reply(b"", 429, {} if after is None else {"Retry-After": after}))
    with pytest.raises(Interrupted) as raised:
        Api(client, service.url, "kubo", "hint").json("GET", "x")
    assert raised.value.retry_after == seconds

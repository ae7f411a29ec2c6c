"""Who may ask: by which name, from which page, with which key."""

from __future__ import annotations

import pytest
from multidict import CIMultiDict

from zoo.serve.guard import Guard, is_loopback
from zoo.serve.keys import Key, Keyring
from zoo.serve.refusal import Refusal

LOCAL = Guard("127.0.0.1")
KEYED = Guard("127.0.0.1", keyring=Keyring((Key.of("a", "right"), Key.of("b", "other"))))
APP = "https://app.example"
OPEN = Guard("127.0.0.1", origins=(APP,), keyring=Keyring((Key.of("a", "right"),)))


def asked(guard: Guard, *headers: tuple[str, str], method: str = "GET", path: str = "/v1/models") -> int:
    """The status of the refusal; 200 where there is none."""
    refusal = guard.refusal(method, path, CIMultiDict(headers))
    return 200 if refusal is None else refusal.status


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8080", "127.0.0.1", "127.0.0.1:1", "[::1]", "[::1]:8080", "localhost."]
)
def test_who_means_this_machine_is_welcome(host: str) -> None:
    assert asked(LOCAL, ("Host", host)) == 200
    assert asked(LOCAL, ("Host", host), ("Origin", f"http://{host}")) == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8080",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "",
        "localhost@evil.example",
        "evil.example@localhost",
        "localhost:x",
        "[::1",
        "localhost/../evil",
        "localhost?evil",
        "0.0.0.0",
    ],
)
def test_who_means_another_machine_is_refused(host: str) -> None:
    assert asked(LOCAL, ("Host", host)) == 403
    assert asked(Guard("0.0.0.0", hosts=("zoo.lan",)), ("Host", host)) == 403


def test_what_is_bound_to_every_address_is_not_called_so() -> None:
    assert asked(Guard("::", hosts=("zoo.lan",)), ("Host", "[::]:80")) == 403


@pytest.mark.parametrize("bound", ["127.0.0.1", "0.0.0.0", "192.168.1.5"])
def test_declared_names_are_this_machines_too_and_no_others(bound: str) -> None:
    guard = Guard(bound, hosts=("zoo.lan",))
    assert asked(guard, ("Host", "Zoo.lan:8080")) == 200
    assert asked(guard, ("Host", "localhost:8080")) == 200
    assert asked(guard, ("Host", "other.lan:8080")) == 403


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "http://localhost.evil.example",
        "file://",
        "http://localhost:3000",
        "http://127.0.0.1:8080",
        "ftp://localhost:8080",
        "//localhost:8080",
    ],
)
def test_a_page_of_another_origin_is_refused_wherever_the_server_is_bound(origin: str) -> None:
    assert asked(LOCAL, ("Host", "localhost:8080"), ("Origin", origin)) == 403
    assert asked(Guard("0.0.0.0"), ("Host", "localhost:8080"), ("Origin", origin)) == 403


def test_the_page_of_this_server_is_welcome_behind_tls_too() -> None:
    assert asked(Guard("0.0.0.0"), ("Host", "zoo.lan"), ("Origin", "https://zoo.lan")) == 200
    assert asked(Guard("0.0.0.0"), ("Host", "zoo.lan"), ("Origin", "https://zoo.lan:444")) == 403


def test_each_of_two_hosts_and_origins_must_be_right() -> None:
    assert asked(LOCAL, ("Host", "localhost"), ("Host", "evil.example")) == 403
    assert asked(OPEN, ("Host", "localhost"), ("Origin", APP), ("Origin", "https://evil.example")) == 403


def test_elsewhere_than_on_loopback_every_name_may_be_this_machine() -> None:
    assert asked(Guard("0.0.0.0"), ("Host", "box.lan:8080"), ("Origin", "http://box.lan:8080")) == 200


@pytest.mark.parametrize(
    "header",
    [
        ("Authorization", "Bearer right"),
        ("authorization", "bearer  right "),
        ("x-api-key", "right"),
        ("X-Api-Key", "other"),
    ],
)
def test_a_right_key_opens(header: tuple[str, str]) -> None:
    assert asked(KEYED, header) == 200


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("Authorization", "Bearer wrong")],
        [("Authorization", "Basic right")],
        [("Authorization", "right")],
        [("Authorization", "Bearer ")],
        [("Authorization", "Bearer right2")],
        [("x-api-key", "")],
        [("x-api-key", "r\udcffight")],
        [("Cookie", "key=right")],
    ],
)
@pytest.mark.parametrize("path", ["/v1/models", "/metrics", "/api/status", "/", "/nothing", "/v1/messages"])
def test_without_a_right_key_only_the_page_opens(headers: list[tuple[str, str]], path: str) -> None:
    refusal = KEYED.refusal("GET", path, CIMultiDict(headers))
    if path == "/":
        assert refusal is None
        return
    assert refusal is not None
    assert (refusal.status, refusal.code) == (401, "invalid_api_key")
    assert refusal.headers == {"WWW-Authenticate": 'Bearer realm="eai"'}


@pytest.mark.parametrize("path", ["/health", "/page/app.js"])
def test_some_things_need_no_key(path: str) -> None:
    assert asked(KEYED, path=path) == 200
    assert asked(KEYED, ("Host", "evil.example"), path=path) == 403


def test_a_key_for_some_models_opens_those_and_nothing_else() -> None:
    key = Key("some", Key.of("", "secret").sha256, models=("small",))
    guard, bearer = Guard("127.0.0.1", keyring=Keyring((key,))), ("Authorization", "Bearer secret")
    assert asked(guard, bearer, path="/v1/models") == 200
    assert asked(guard, bearer, path="/api/models/unload", method="POST") == 403
    assert asked(guard, bearer, path="/metrics") == 403
    assert asked(guard, bearer, path="/update/lora", method="POST") == 403
    assert guard.enter(key, "small") is None
    refused = guard.enter(key, "large")
    assert isinstance(refused, Refusal)
    assert (refused.status, refused.code) == (403, "model_not_allowed")


def test_no_header_of_cors_unless_an_origin_is_declared() -> None:
    headers = CIMultiDict({"Origin": APP, "Access-Control-Request-Method": "POST"})
    assert LOCAL.cors(headers) == {}
    assert LOCAL.preflight("OPTIONS", headers) is None


def test_a_declared_origin_is_told_so_and_nobody_else() -> None:
    told = OPEN.cors(CIMultiDict({"Origin": APP}))
    assert (told["Access-Control-Allow-Origin"], told["Vary"]) == (APP, "Origin")
    assert "Access-Control-Allow-Credentials" not in told
    assert OPEN.cors(CIMultiDict()) == {"Vary": "Origin"}
    assert OPEN.cors(CIMultiDict({"Origin": "https://evil.example"})) == {"Vary": "Origin"}


def test_a_browser_may_ask_beforehand_without_a_key() -> None:
    question = (("Origin", APP), ("Access-Control-Request-Method", "POST"))
    assert asked(OPEN, *question, method="OPTIONS") == 200
    assert asked(OPEN, *question, method="POST") == 401
    assert asked(OPEN, ("Origin", APP), method="OPTIONS") == 401
    told = OPEN.preflight("OPTIONS", CIMultiDict(question))
    assert told is not None
    assert told["Access-Control-Allow-Headers"] == "Authorization, *"


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.1.2", False),
        ("box.lan", False),
    ],
)
def test_loopback_is_what_only_this_machine_reaches(host: str, *, loopback: bool) -> None:
    assert is_loopback(host) is loopback

"""Who may ask a server on loopback."""

from __future__ import annotations

import pytest

from zoo.serve.guard import Guard, is_loopback

LOCAL = Guard("127.0.0.1")


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8080", "127.0.0.1", "127.0.0.1:1", "[::1]", "[::1]:8080", "localhost."]
)
def test_who_means_this_machine_is_welcome(host: str) -> None:
    assert LOCAL.refusal([host], []) is None
    assert LOCAL.refusal([host], [f"http://{host}"]) is None


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
        "0.0.0.0",
    ],
)
def test_who_means_another_machine_is_refused(host: str) -> None:
    assert LOCAL.refusal([host], []) is not None


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost.evil.example", "file://"]
)
def test_a_page_of_another_origin_is_refused(origin: str) -> None:
    assert LOCAL.refusal(["localhost"], [origin]) is not None


def test_each_of_two_hosts_must_be_right() -> None:
    assert LOCAL.refusal(["localhost", "evil.example"], []) is not None


def test_elsewhere_than_on_loopback_every_name_may_be_this_machine() -> None:
    assert Guard("0.0.0.0").refusal(["box.lan:8080"], ["http://box.lan"]) is None


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

"""Files named by their address."""

from __future__ import annotations

import httpx2
import pytest
from support.lying import Server, honest

from zoo.errors import SourceError
from zoo.sources.http import new_client
from zoo.sources.url import Url
from zoo.zoofile.model import Origin


@pytest.fixture
def source(client: httpx2.Client) -> Url:
    return Url(lambda: client)


def test_an_address_is_taken_as_it_is(source: Url) -> None:
    (found,) = source.find(Origin(url="https://host/a%20folder/model%201.gguf?x=1"))
    assert found.path == "model 1.gguf"
    assert found.uri == "https://host/a%20folder/model%201.gguf?x=1"
    assert (found.size, found.digest) == (None, None)


def test_an_address_can_be_opened(server: Server, source: Url) -> None:
    with (
        source.open(server.on("/f", honest(b"abcdef")), size=6) as download,
        download.read(2, 4) as body,
    ):
        assert b"".join(body.chunks) == b"cd"


@pytest.mark.parametrize("url", ["", "host/f", "ftp://host/f", "file:///f", "https:///f", "http://[::1/f"])
def test_only_web_addresses_are_taken(source: Url, url: str) -> None:
    with pytest.raises(SourceError, match="no web address"):
        source.find(Origin(url=url))


def test_a_password_is_kept_out_of_the_lock_and_of_the_message(source: Url) -> None:
    with pytest.raises(SourceError, match="holds credentials") as caught:
        source.find(Origin(url="https://me:secret@host/f"))
    assert "secret" not in caught.value.message


def test_an_address_must_name_a_file(source: Url) -> None:
    with pytest.raises(SourceError, match="names no file"):
        source.find(Origin(url="https://host/"))


def test_this_machine_is_asked_without_a_proxy(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    url = server.on("/f", honest(b"abcdef"))
    with (
        new_client() as client,
        Url(lambda: client).open(url, size=6) as download,
        download.read(0, 6) as body,
    ):
        assert b"".join(body.chunks) == b"abcdef"

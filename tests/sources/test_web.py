"""What sends requests to gateways: proxies, redirects, connections, and how each failure is told."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import closing

import pytest
from support.lying import Answer, Asked, Server, Wire, honest

from zoo.errors import Interrupted, SourceError
from zoo.sources.calls import Call
from zoo.sources.web import Wait, Web, redirected

WAIT = Wait(connect=5, more=1)


def get(web: Web, url: str) -> bytes:
    with closing(Call()) as call, closing(web.get(url, accept="*/*", wait=WAIT, call=call)) as answer:
        return b"".join(iter(lambda: answer.read(100), b""))


def test_a_request_says_who_asks_for_what_and_brings_nothing_else(web: Web, server: Server) -> None:
    url = server.on("/a", honest(b"abc"))
    with closing(Call()) as call, closing(web.get(url, accept="text/x", wait=WAIT, call=call)) as answer:
        assert (answer.status, answer.headers["CONTENT-length"]) == (200, "3")
        assert [answer.read(2), answer.read(2), answer.read(2)] == [b"ab", b"c", b""]
    headers = server.asked[0].headers
    assert headers.keys() == {"host", "accept", "accept-encoding", "user-agent"}
    assert headers["accept"] == "text/x"
    assert headers["accept-encoding"] == "identity"
    assert headers["user-agent"].startswith("eai/")


def test_a_connection_is_used_again_and_cookies_are_not(web: Web, server: Server) -> None:
    def answer(asked: Asked, wire: Wire) -> None:
        ports.add(wire.sock.getpeername()[1])
        wire.head(200, Content_Length=2, Set_Cookie="a=b")
        wire.body(b"ok")

    ports: set[int] = set()
    url = server.on("/", answer)
    assert [get(web, url) for _ in range(3)] == [b"ok"] * 3
    assert len(ports) == 1
    assert not any("cookie" in asked.headers for asked in server.asked)


@pytest.mark.parametrize("scheme", ["http", "all"])
def test_the_proxy_of_the_environment_is_asked_and_let_in(server: Server, scheme: str) -> None:
    url = "http://gateway.example/ipfs/x"
    server.on(url, honest(b"through"))
    proxy = server.url("").replace("//", "//me:p%40ss@")
    with closing(Web({scheme: proxy})) as web:
        assert get(web, url) == b"through"
    assert server.asked[0].headers["proxy-authorization"] == "Basic bWU6cEBzcw=="


def test_who_needs_no_proxy_is_asked_without(server: Server, servers: Callable[[], Server]) -> None:
    proxy = servers()
    with closing(Web({"http": proxy.url(""), "no": "other.example,127.1"})) as web:
        # Another name of the same address, which only the list keeps from the proxy.
        url = server.on("/", honest(b"straight")).replace("127.0.0.1", "127.1")
        assert get(web, url) == b"straight"
    assert not proxy.asked


def test_this_machine_is_asked_without_a_proxy(server: Server, servers: Callable[[], Server]) -> None:
    proxy = servers()
    with closing(Web({"http": proxy.url(""), "all": proxy.url("")})) as web:
        assert get(web, server.on("/", honest(b"straight"))) == b"straight"
    assert not proxy.asked


def silent(asked: Asked, wire: Wire) -> None:
    wire.hang()


def cut(asked: Asked, wire: Wire) -> None:
    wire.head(200, Content_Length=50)
    wire.body(b"part")
    wire.cut()


def nonsense(asked: Asked, wire: Wire) -> None:
    wire.sock.sendall(b"SSH-2.0-whatever\r\n\r\n")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (silent, "no more bytes came in time"),
        (cut, "the connection ended"),
        (nonsense, "the connection ended"),
        (lambda asked, wire: wire.cut(), "the connection ended"),
    ],
    ids=["silent", "cut", "nonsense", "nothing"],
)
def test_what_breaks_off_may_be_asked_again(web: Web, server: Server, answer: Answer, said: str) -> None:
    url = server.on("/", answer)
    with pytest.raises(Interrupted, match=said):
        get(web, url)


def test_nobody_there_is_no_connection(web: Web) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(Interrupted, match="no connection"):
        get(web, f"http://127.0.0.1:{port}/")


@pytest.mark.parametrize("url", ["ftp://a.example/", "http://", "http://[::bad/", "http://a.example:x/"])
def test_what_is_no_web_address_is_not_asked(web: Web, url: str) -> None:
    with pytest.raises(SourceError):
        get(web, url)


def test_a_proxy_of_a_kind_that_nobody_speaks_is_told() -> None:
    with closing(Web({"http": "socks5://127.0.0.1:1"})) as web, pytest.raises(SourceError, match="socks5"):
        get(web, "http://gateway.example/")


@pytest.mark.parametrize(
    "headers", [{"Content_Length": 9}, {"Connection": "close"}], ids=["length", "closing"]
)
def test_a_reader_is_freed_from_another_thread(web: Web, server: Server, headers: dict[str, object]) -> None:
    def stalled(asked: Asked, wire: Wire) -> None:
        wire.head(200, **headers)
        wire.hang()

    call = Call()
    ended = threading.Timer(0.05, call.end)
    answer = web.get(server.on("/", stalled), accept="*/*", wait=Wait(connect=5, more=60), call=call)
    ended.start()
    try:
        assert answer.read(9) == b""
        assert answer.read(9) == b""
    except Interrupted:
        pass
    finally:
        answer.close()
        call.close()
        ended.join()


def test_a_redirect_loses_its_credentials_and_keeps_its_safety() -> None:
    here = "https://a.example/ipfs/x?format=raw"
    assert redirected(here, "/y?z=1") == "https://a.example/y?z=1"
    assert redirected("http://a.example/", "//u:p@b.example:81/y") == "http://b.example:81/y"
    assert redirected("http://a.example/", "https://u@b.example/y") == "https://b.example/y"
    for bad in ("http://a.example/", "ftp://a.example/", "data:,x"):
        with pytest.raises(SourceError, match="redirects from https to"):
            redirected(here, bad)
    with pytest.raises(SourceError, match="no web address"):
        redirected(here, "https://[::bad/")

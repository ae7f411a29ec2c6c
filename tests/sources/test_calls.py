"""One request: ended from anywhere, and never led nearer than where it began."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import closing

import pytest
from support.gateway import Blocks, gateway, path_of
from support.lying import Asked, Server, Wire, honest, redirect

from zoo.errors import Interrupted, SourceError
from zoo.ipfs import cid as cids
from zoo.ipfs.cid import RAW
from zoo.sources.calls import MACHINE, NETWORK, OUTSIDE, Call, brief, nearness
from zoo.sources.gateways import Gateway
from zoo.sources.web import Wait, Web

LONG = Wait(connect=5, more=60)


@pytest.mark.parametrize(
    ("address", "near"),
    [
        ("127.0.0.1", MACHINE),
        ("127.9.9.9", MACHINE),
        ("0.0.0.0", MACHINE),
        ("::1", MACHINE),
        ("::ffff:127.0.0.1", MACHINE),
        ("10.1.2.3", NETWORK),
        ("192.168.1.1", NETWORK),
        ("169.254.169.254", NETWORK),
        ("100.64.0.1", NETWORK),
        ("fe80::1%eth0", NETWORK),
        ("fd00::1", NETWORK),
        ("::ffff:10.0.0.1", NETWORK),
        ("1.1.1.1", OUTSIDE),
        ("2606:4700::1111", OUTSIDE),
    ],
)
def test_an_address_is_so_near(address: str, near: int) -> None:
    assert nearness(address) == near


@pytest.mark.parametrize("path", [(OUTSIDE, MACHINE), (OUTSIDE, NETWORK), (NETWORK, MACHINE)])
def test_a_redirect_leads_no_nearer(
    servers: Callable[[], Server], blocks: Blocks, web: Web, path: tuple[int, int]
) -> None:
    cid = blocks.add(cids.of(b"GGUF", RAW), b"GGUF")
    there, here = servers(), servers()
    gateway(there, blocks)
    url = here.on(path_of(str(cid)), redirect(there.url(path_of(str(cid)))))
    passed = iter(path)
    with closing(Call(near=lambda _: next(passed))) as call, pytest.raises(SourceError) as caught:
        Gateway(here.url(""), lambda: web, LONG).block(cid, 4, call)
    assert "leads to 127.0.0.1, inside this" in caught.value.message
    assert not there.asked
    assert caught.value.message.startswith(f"http://127.0.0.1:{there.port}/")
    assert url


def test_a_connection_that_was_kept_leads_no_nearer_either(web: Web, server: Server) -> None:
    url = server.on("/", honest(b"kept"))
    with closing(Call()) as call, closing(web.get(url, accept="*/*", wait=LONG, call=call)) as answer:
        assert answer.read(9) == b"kept"
    with closing(Call(most=OUTSIDE)) as call, pytest.raises(SourceError, match="inside this machine"):
        web.get(url, accept="*/*", wait=LONG, call=call)
    assert len(server.asked) == 1


def test_a_proxy_reaches_whom_it_likes(server: Server) -> None:
    server.on("http://gateway.example/", honest(b"through"))
    with (
        closing(Web({"http": server.url("")})) as web,
        closing(Call(most=OUTSIDE)) as call,
        closing(web.get("http://gateway.example/", accept="*/*", wait=LONG, call=call)) as answer,
    ):
        assert answer.read(9) == b"through"


def silent(asked: Asked, wire: Wire) -> None:
    wire.hang()


def test_what_was_not_answered_yet_is_ended_too(web: Web, server: Server) -> None:
    call = Call()
    ended = threading.Timer(0.05, call.end)
    ended.start()
    with closing(call), pytest.raises(Interrupted):
        web.get(server.on("/", silent), accept="*/*", wait=LONG, call=call)
    ended.join()
    with closing(call), pytest.raises(Interrupted, match="given up"):
        web.get(server.url("/"), accept="*/*", wait=LONG, call=call)


def test_a_brief_call_ends_however_much_comes(web: Web, server: Server) -> None:
    def dripping(asked: Asked, wire: Wire) -> None:
        wire.body(b"HTTP/1.1 100 Continue\r\n\r\n" * 100_000, portion=25, pause=0.01)

    began = time.monotonic()
    with brief(Call(), 0.1) as call, pytest.raises(Interrupted):
        web.get(server.on("/", dripping), accept="*/*", wait=LONG, call=call)
    assert time.monotonic() - began < 10

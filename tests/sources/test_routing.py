"""Who else has a block, as a router says it: names of https servers, and nothing else."""

from __future__ import annotations

import json
import time

import pytest
from support.lying import Answer, Asked, Server, Wire, status

from zoo.ipfs import cid as cids
from zoo.sources.routing import MOST, providers
from zoo.sources.web import Web

ROOT = cids.parse("bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku")
PATH = f"/routing/v1/providers/{ROOT}?filter-protocols=transport-ipfs-gateway-http"


def saying(body: bytes) -> Answer:
    def answer(asked: Asked, wire: Wire) -> None:
        wire.head(200, Content_Length=len(body), Content_Type="application/json")
        wire.body(body)

    return answer


def announced(*addresses: object) -> bytes:
    return json.dumps({"Providers": [{"ID": "12D3", "Addrs": [each]} for each in addresses]}).encode()


def test_servers_with_a_name_are_found_once_and_not_too_many(server: Server, web: Web) -> None:
    said = announced("/dns4/a.example/tcp/443/https", "/dns/b.example/tcp/8443/tls/http")
    server.on(PATH, saying(said))
    expected = ["https://a.example:443", "https://b.example:8443"]
    assert providers(web, server.url("/"), ROOT) == expected
    server.on(PATH, saying(announced(*["/dns4/a.example/tcp/443/https"] * 3)))
    assert providers(web, server.url(""), ROOT) == expected[:1]
    server.on(PATH, saying(announced(*(f"/dns4/{at}.example/tcp/443/https" for at in range(50)))))
    assert len(providers(web, server.url(""), ROOT)) == MOST


@pytest.mark.parametrize(
    "address",
    [
        "/ip4/192.168.1.1/tcp/443/https",
        "/dns4/192.168.1.1/tcp/443/https",
        "/dns4/plain.example/tcp/80/http",
        "/dns4/a.example/udp/4001/quic-v1/p2p/12D3",
        "/dns4/a@b.example/tcp/443/https",
        "/dns4/a.example/tcp/443/https/../x",
        "https://a.example",
    ],
)
def test_what_is_no_named_https_server_is_not_asked(server: Server, web: Web, address: str) -> None:
    server.on(PATH, saying(announced(address)))
    assert providers(web, server.url(""), ROOT) == []


@pytest.mark.parametrize(
    "answer",
    [
        status(404),
        status(500),
        saying(b""),
        saying(b"[]"),
        saying(b'{"Providers": null}'),
        saying(b'{"Providers": [{"Addrs": null}, {}]}'),
        saying(announced(7)),
        saying(announced("/dns4/a.example/tcp/443/https") + b" " * (1 << 20)),
        lambda asked, wire: wire.cut(),
    ],
    ids=["404", "500", "empty", "list", "null", "no-addresses", "number", "endless", "cut"],
)
def test_an_answer_that_says_nothing_finds_nobody(server: Server, web: Web, answer: Answer) -> None:
    server.on(PATH, answer)
    assert providers(web, server.url(""), ROOT) == []
    assert providers(web, "http://127.0.0.1:1", ROOT) == []


def test_an_answer_that_never_ends_is_not_waited_for(server: Server, web: Web) -> None:
    def dripping(asked: Asked, wire: Wire) -> None:
        wire.head(200, Content_Type="application/json")
        wire.body(b" " * 100_000, portion=1, pause=0.01)

    server.on(PATH, dripping)
    began = time.monotonic()
    assert providers(web, server.url(""), ROOT, patience=0.1) == []
    assert time.monotonic() - began < 10

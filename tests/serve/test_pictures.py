"""Images are fetched from where they may be, and from nowhere else, however that is written."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from support.pictures import Gallery, data_url, gallery, png

from zoo.serve import addresses, pictures
from zoo.serve.addresses import Policy
from zoo.serve.answers import Problem
from zoo.serve.pictures import Pictures

RED = data_url(png())


class Names(AbstractResolver):
    """Answers with these addresses: the first list first, the last one for ever."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers, self.asked = list(answers), 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked += 1
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [
            {"hostname": host, "host": each, "port": port, "family": socket.AF_INET, "proto": 0, "flags": 0}
            for each in found
        ]

    async def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
async def shop() -> AsyncIterator[Gallery]:
    async with gallery() as made:
        yield made


def listed(shop: Gallery, *more: str, **settings: object) -> Pictures:
    """Pictures that may be fetched from the gallery."""
    return Pictures(policy=Policy.of((f"127.0.0.1:{shop.port}", *more)), **settings)  # type: ignore[arg-type] - as the class has them


async def refused(made: Pictures, *urls: str) -> Problem:
    with pytest.raises(Problem) as caught:
        await made.get(urls)
    return caught.value


async def test_an_image_of_a_listed_host_is_fetched(shop: Gallery) -> None:
    url = shop.url("/red.png")
    assert await listed(shop).get([url, url]) == {url: RED}
    assert len(shop.asked) == 1


async def test_several_are_fetched(shop: Gallery) -> None:
    blue = shop.has("/blue.png", png(rgb=(0, 0, 255)))
    assert set(await listed(shop).get([shop.url("/red.png"), blue])) == {shop.url("/red.png"), blue}


async def test_nothing_of_this_machine_or_user_goes_along(
    shop: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    url = shop.leads("/moved", "/red.png")
    assert await listed(shop).get([url]) == {url: RED}
    for headers in shop.asked:
        assert set(headers) == {"Host", "User-Agent", "Accept", "Accept-Encoding", "Connection"}


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.1",
        "[::ffff:127.0.0.1]",
        "[::1]",
        "0.0.0.0",
        "127。0。0。1",
    ],
)
async def test_this_machine_is_refused_however_it_is_called(
    shop: Gallery, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addresses, "PORTS", frozenset({shop.port}))  # nothing but the address is wrong
    problem = await refused(Pictures(policy=Policy.of("public")), shop.url("/red.png", host))
    assert problem.status == 400
    assert shop.asked == []
    if host not in {"2130706433", "0177.0.0.1", "127.1"}:  # aiohttp itself may refuse these first
        assert problem.code == "remote_media", problem.message


async def test_a_name_with_one_private_address_is_refused() -> None:
    names = Names(["93.184.215.14", "10.0.0.1"])
    problem = await refused(
        Pictures(policy=Policy.of("public"), resolver=names), "http://images.example/a.png"
    )
    assert problem.code == "remote_media"
    assert "10.0.0.1" not in problem.message


async def test_a_name_is_resolved_once_and_that_address_connected_to(shop: Gallery) -> None:
    names = Names(["127.0.0.1"], ["10.0.0.1"])
    policy = Policy.of((f"images.example:{shop.port}",))
    url = shop.url("/red.png", "images.example")
    assert await Pictures(policy=policy, resolver=names).get([url]) == {url: RED}
    assert names.asked == 1


async def test_a_redirect_to_a_private_address_is_refused(shop: Gallery) -> None:
    for target in ("http://169.254.169.254/latest/meta-data", "http://localhost/", "//10.0.0.1/a.png"):
        problem = await refused(listed(shop), shop.leads("/moved", target))
        assert problem.code == "remote_media"


@pytest.mark.parametrize("target", ["file:///etc/passwd", "gopher://127.0.0.1/", "http://", "http://u:p@h/"])
async def test_a_redirect_to_something_else_is_refused(shop: Gallery, target: str) -> None:
    assert (await refused(listed(shop), shop.leads("/moved", target))).code == "invalid_image_url"


async def test_three_redirects_are_followed_and_no_fourth(shop: Gallery) -> None:
    shop.leads("/1", "/red.png")
    shop.leads("/2", "/1")
    three, four = shop.leads("/3", "/2"), shop.leads("/4", "/3")
    assert await listed(shop).get([three]) == {three: RED}
    assert "more than 3 times" in (await refused(listed(shop), four)).message


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"\xff\xd8\xff\xe0...", "image/jpeg"),
        (b"GIF89a...", "image/gif"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (b"BM....", "image/bmp"),
    ],
)
async def test_the_type_is_read_from_the_bytes(shop: Gallery, body: bytes, kind: str) -> None:
    url = shop.has("/a", body, "image/x-anything")
    assert await listed(shop).get([url]) == {url: data_url(body, kind)}


@pytest.mark.parametrize(
    ("body", "kind", "why"),
    [
        (png(), "text/html", "is no image but text/html"),
        (b"<svg/>", "image/svg+xml", "is none of png"),
        (b"", "image/png", "is none of png"),
        (b"RIFF\0\0\0\0WAVEfmt ", "image/webp", "is none of png"),
    ],
)
async def test_what_is_no_image_is_refused(shop: Gallery, body: bytes, kind: str, why: str) -> None:
    problem = await refused(listed(shop), shop.has("/a", body, kind))
    assert (problem.status, problem.code) == (400, "invalid_image_url")
    assert why in problem.message


async def test_a_compressed_answer_is_refused(shop: Gallery) -> None:
    url = shop.has("/a", png(), **{"Content-Encoding": "x-squeezed"})
    assert "compressed" in (await refused(listed(shop), url)).message


async def test_what_is_not_there_is_an_error_that_says_so(shop: Gallery) -> None:
    assert "gave status 404" in (await refused(listed(shop), shop.url("/gone"))).message
    nobody = listed(shop, "127.0.0.1:9")
    assert "no answer" in (await refused(nobody, "http://127.0.0.1:9/a.png")).message
    assert "no answer" in (await refused(listed(shop), f"https://127.0.0.1:{shop.port}/red.png")).message


async def test_an_image_has_a_largest_size(shop: Gallery) -> None:
    made = listed(shop, size=len(png()))
    assert await made.get([shop.url("/red.png")])
    assert "is larger than" in (await refused(made, shop.has("/a", png() + b"x"))).message


async def test_all_images_together_have_a_largest_size(
    shop: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "TOGETHER", len(RED))
    assert await listed(shop).get([shop.url("/red.png")])
    problem = await refused(listed(shop), shop.url("/red.png"), shop.has("/a", png()))
    assert (problem.status, problem.code) == (413, "images_too_large")


async def test_an_image_that_does_not_come_is_given_up() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        made = Pictures(policy=Policy.of((f"127.0.0.1:{port}",)), patience=0.05)
        assert (
            "was not there within 0.05 s" in (await refused(made, f"http://127.0.0.1:{port}/a.png")).message
        )


async def test_a_request_names_only_so_many(shop: Gallery) -> None:
    problem = await refused(listed(shop), *(shop.url(f"/{number}") for number in range(pictures.MOST + 1)))
    assert problem.code == "too_many_images"
    assert shop.asked == []


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (Pictures(policy=Policy.of("none")), "remote-images"),
        (Pictures(policy=Policy.of("public"), offline=True), "--offline"),
    ],
)
async def test_where_nothing_may_be_fetched_nothing_is(made: Pictures, why: str) -> None:
    problem = await refused(made, "http://images.example/a.png")
    assert problem.code == "remote_media"
    assert why in problem.message
    assert "data: URL" in problem.message


@pytest.mark.parametrize(
    "url", ["http://[::1", "http://a b/", "http:///a.png", "http://x:99999/", "http://" + "a" * 5000]
)
async def test_what_is_no_url_is_refused(url: str) -> None:
    assert (await refused(Pictures(policy=Policy.of("public")), url)).status == 400

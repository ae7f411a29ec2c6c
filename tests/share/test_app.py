"""The store over HTTP, as clients of gateways and other eais see it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import ClientResponse, ClientSession, TCPConnector, web

from zoo.digest import Digest
from zoo.ipfs import car, walk
from zoo.ipfs import cid as cids
from zoo.ipfs.builder import Dag, build
from zoo.ipfs.cid import RAW, SHA2_256, Cid
from zoo.share.app import CAR_TYPE, RAW_TYPE, application
from zoo.share.index import Index
from zoo.store import Store

DATA = os.urandom((2 << 20) + 12345)
MIDDLING = os.urandom((1 << 20) + 7)

Ask = Callable[..., Awaitable[tuple[ClientResponse, bytes]]]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "store")
    for data in (DATA, MIDDLING, b"small"):
        (tmp_path / "file").write_bytes(data)
        store.adopt(tmp_path / "file")
    return store


@pytest.fixture
async def ask(store: Store) -> AsyncIterator[Ask]:
    index = Index(store)
    index.scan()
    runner = web.AppRunner(application(store, index, host="127.0.0.1"))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    _, port = runner.addresses[0][:2]

    async with ClientSession(f"http://127.0.0.1:{port}", connector=TCPConnector()) as session:

        async def ask(path: str, method: str = "GET", **headers: str) -> tuple[ClientResponse, bytes]:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            async with session.request(method, path, headers=named) as response:
                return response, await response.read()

        yield ask
    await runner.cleanup()


def dag(data: bytes) -> Dag:
    return build(lambda at, length: data[at : at + length], len(data))


def hex_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


async def test_every_block_of_a_file_can_be_had(ask: Ask) -> None:
    for block in dag(DATA).blocks():
        response, data = await ask(f"/ipfs/{block.cid}?format=raw")
        assert (response.status, response.headers["Content-Type"]) == (200, RAW_TYPE)
        cids.check(block.cid, data)
        assert "immutable" in response.headers["Cache-Control"]
        assert response.headers["X-Content-Type-Options"] == "nosniff"


async def test_the_form_may_be_asked_for_in_either_way(ask: Ask) -> None:
    root = dag(DATA).root
    by_accept, one = await ask(f"/ipfs/{root}", Accept=f"text/html, {RAW_TYPE};q=0.9")
    assert by_accept.headers["Content-Type"] == RAW_TYPE
    assert one == dag(DATA).nodes[0].data
    by_format, _ = await ask(f"/ipfs/{root}?format=car", Accept=RAW_TYPE)
    assert by_format.headers["Content-Type"] == f"{CAR_TYPE}; version=1; order=dfs; dups=n"
    neither, _ = await ask(f"/ipfs/{root}")
    assert neither.status == 406
    other, _ = await ask(f"/ipfs/{root}?format=tar", Accept=RAW_TYPE)
    assert other.status == 406
    newer, _ = await ask(f"/ipfs/{root}", Accept=f"{CAR_TYPE}; version=2")
    assert newer.status == 406


async def test_a_car_holds_the_whole_file(ask: Ask) -> None:
    root = dag(DATA).root
    _, data = await ask(f"/ipfs/{root}?format=car")
    blocks = {block.cid: block.data for block in car.blocks([data])}
    assert list(blocks) == [block.cid for block in dag(DATA).blocks()]
    whole = walk.read(walk.Walk(root, size=len(DATA), max_size=1 << 30), blocks.__getitem__)
    assert b"".join(whole) == DATA
    _, only = await ask(f"/ipfs/{root}?format=car&dag-scope=block")
    assert [block.cid for block in car.blocks([only])] == [root]


async def test_a_cid_of_version_0_names_the_same_node(ask: Ask) -> None:
    root = dag(DATA).root
    response, data = await ask(f"/ipfs/{Cid(0, root.codec, root.hash, root.digest)}?format=raw")
    assert (response.status, data) == (200, dag(DATA).nodes[0].data)


async def test_an_object_that_fits_is_one_block_too(ask: Ask) -> None:
    for data, status in ((b"small", 200), (MIDDLING, 200), (DATA, 404)):
        cid = Cid(1, RAW, SHA2_256, hashlib.sha256(data).digest())
        response, got = await ask(f"/ipfs/{cid}?format=raw")
        assert (response.status, got == data) == (status, status == 200)


async def test_the_probe_is_answered(ask: Ask) -> None:
    response, data = await ask("/ipfs/bafkqaaa?format=raw")
    assert (response.status, response.headers["Content-Type"], data) == (200, RAW_TYPE, b"")


async def test_what_is_not_there_is_said_at_once(ask: Ask, store: Store) -> None:
    absent = cids.of(b"absent", RAW)
    assert (await ask(f"/ipfs/{absent}?format=raw"))[0].status == 404
    only_cached = await ask(f"/ipfs/{absent}?format=raw", "HEAD", Cache_Control="only-if-cached")
    assert only_cached[0].status == 412
    assert (await ask("/ipfs/nonsense?format=raw"))[0].status == 400
    assert (await ask(f"/ipfs/{dag(DATA).root}/path?format=raw"))[0].status == 404
    assert (await ask("/"))[0].status == 404
    assert (await ask("/eai/sha256/"))[0].status == 404
    assert (await ask(f"/eai/sha256/{'0' * 64}"))[0].status == 404
    for odd in ("..%2f..%2fversion", hex_of(DATA).upper(), hex_of(DATA)[:63]):
        assert (await ask(f"/eai/sha256/{odd}"))[0].status == 404
    assert store.root.is_dir()


async def test_only_looking_is_allowed(ask: Ask) -> None:
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert (await ask(f"/eai/sha256/{hex_of(DATA)}", method))[0].status == 405
        assert (await ask(f"/ipfs/{dag(DATA).root}?format=raw", method))[0].status == 405


async def test_heads_say_what_bodies_would_be(ask: Ask) -> None:
    leaf = dag(DATA).leaves[0]
    response, data = await ask(f"/ipfs/{leaf.cid}?format=raw", "HEAD")
    assert (response.status, response.headers["Content-Length"], data) == (200, str(1 << 20), b"")
    response, data = await ask(f"/ipfs/{dag(DATA).root}?format=car", "HEAD")
    assert (response.status, response.content_type, data) == (200, CAR_TYPE, b"")
    response, data = await ask(f"/eai/sha256/{hex_of(DATA)}", "HEAD")
    assert (response.headers["Content-Length"], data) == (str(len(DATA)), b"")
    tag = (await ask(f"/ipfs/{leaf.cid}?format=raw"))[0].headers["Etag"]
    assert (await ask(f"/ipfs/{leaf.cid}?format=raw", If_None_Match=tag))[0].status == 304


async def test_objects_come_by_digest_whole_and_in_ranges(ask: Ask) -> None:
    response, data = await ask(f"/eai/sha256/{hex_of(DATA)}")
    assert (response.status, data) == (200, DATA)
    assert response.headers["Content-Type"] == "application/octet-stream"
    response, data = await ask(f"/eai/sha256/{hex_of(DATA)}", Range="bytes=1000-1999")
    assert (response.status, data) == (206, DATA[1000:2000])
    assert response.headers["Content-Range"] == f"bytes 1000-1999/{len(DATA)}"
    assert (await ask(f"/eai/sha256/{hex_of(DATA)}", Range="bytes=99999999-"))[0].status == 416


async def test_foreign_pages_are_kept_out(ask: Ask) -> None:
    for headers in ({"Host": "evil.example"}, {"Origin": "https://evil.example"}):
        assert (await ask(f"/eai/sha256/{hex_of(DATA)}", **headers))[0].status == 403


async def test_a_corrupt_object_is_not_given(ask: Ask, store: Store) -> None:
    path = store.object(Digest.of_hex(hex_of(MIDDLING)))
    path.chmod(0o644)
    path.write_bytes(MIDDLING[::-1])
    assert (await ask(f"/eai/sha256/{hex_of(MIDDLING)}"))[0].status == 404
    leaf = dag(MIDDLING).leaves[0]
    assert (await ask(f"/ipfs/{leaf.cid}?format=raw"))[0].status == 404


def test_the_hashes_of_leaves_are_kept_and_mended(store: Store) -> None:
    digest = Digest.of_hex(hex_of(DATA))
    first = Index(store)
    assert first.scan() == 3
    assert first.scan() == 0
    cache = store.layout.leaves(digest)
    kept = cache.read_bytes()
    cache.write_bytes(kept[:-1] + bytes([kept[-1] ^ 1]))
    again = Index(store)
    again.scan()
    assert again.roots == first.roots
    assert again.roots[digest] == dag(DATA).root
    assert cache.read_bytes() == kept
    assert len(store.sizes()) == 3
    assert not store.verify().corrupt

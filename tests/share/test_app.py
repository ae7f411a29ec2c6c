"""The store over HTTP, as clients of gateways and other eais see it."""

from __future__ import annotations

import asyncio
import hashlib
import os
from contextlib import suppress

import pytest
from support.fetching import digest_of
from support.sharing import DATA, MIDDLING, SMALL, Ask, Shared, dag, hex_of

from zoo.ipfs import car, walk
from zoo.ipfs import cid as cids
from zoo.ipfs.cid import RAW, SHA2_256, Cid
from zoo.share.asked import CAR_TYPE, RAW_TYPE
from zoo.store import Store


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
    assert by_accept.headers["Content-Location"] == f"/ipfs/{root}?format=raw"
    neither, _ = await ask(f"/ipfs/{root}")
    assert neither.status == 400
    for_people, _ = await ask(f"/ipfs/{root}", Accept="text/html, */*")
    assert for_people.status == 406
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
    path = store.object(digest_of(MIDDLING))
    path.chmod(0o644)
    path.write_bytes(MIDDLING[::-1])
    assert (await ask(f"/eai/sha256/{hex_of(MIDDLING)}"))[0].status == 404
    leaf = dag(MIDDLING).leaves[0]
    assert (await ask(f"/ipfs/{leaf.cid}?format=raw"))[0].status == 404


@pytest.mark.parametrize(
    ("span", "leaves"),
    [
        ("0:*", (0, 1, 2)),
        ("0:0", (0,)),
        ("5:1048575", (0,)),
        ("5:1048576", (0, 1)),
        ("-1:*", (2,)),
        ("-12345:-1", (2,)),
        ("-12346:99999999", (1, 2)),
        ("1048576:-12346", (1,)),
        ("-99999999:3", (0,)),
        ("10:5", ()),
    ],
)
async def test_a_car_of_some_bytes_has_the_blocks_that_prove_them(
    ask: Ask, span: str, leaves: tuple[int, ...]
) -> None:
    whole = dag(DATA)
    response, data = await ask(f"/ipfs/{whole.root}?format=car&entity-bytes={span}")
    assert response.status == 200
    expected = [whole.root, *(whole.leaves[at].cid for at in leaves)]
    assert [block.cid for block in car.blocks([data])] == expected


async def test_the_probe_has_a_car_too(ask: Ask) -> None:
    for query in ("", "&entity-bytes=0:*", "&dag-scope=block", "&car-dups=y"):
        response, data = await ask(f"/ipfs/bafkqaaa?format=car{query}")
        assert (response.status, list(car.blocks([data]))) == (200, [])


async def test_bytes_that_a_file_has_not_and_words_that_mean_nothing_are_refused(ask: Ask) -> None:
    root = dag(DATA).root
    queries = (
        f"entity-bytes={len(DATA)}:*",
        "entity-bytes=0:-99999999",
        "entity-bytes=x",
        "entity-bytes=1:2:3",
        f"entity-bytes={'9' * 5000}:*",
        "dag-scope=everything",
    )
    for query in queries:
        assert (await ask(f"/ipfs/{root}?format=car&{query}"))[0].status == 400


async def test_what_differs_has_another_tag(ask: Ask) -> None:
    path = f"/ipfs/{dag(DATA).root}?format="
    forms = ("raw", "car", "car&dag-scope=block", "car&entity-bytes=0:5", "car&car-dups=y")
    tags = [(await ask(path + form, "HEAD"))[0].headers["Etag"] for form in forms]
    assert len(set(tags)) == len(forms)
    for form, tag in zip(forms, tags, strict=True):
        for held in (tag, f"W/{tag}", f'"other", {tag}', "*"):
            assert (await ask(path + form, If_None_Match=held))[0].status == 304
        assert (await ask(path + form, "HEAD", If_None_Match='"other"'))[0].status == 200


async def test_equal_blocks_come_once_or_each_time(ask: Ask, shared: Shared, store: Store) -> None:
    zeros = bytes(3 << 20)
    (store.root / "file").write_bytes(zeros)
    store.adopt(store.root / "file")
    shared.index.scan()
    root = dag(zeros).root
    for dups, count in (("y", 4), ("n", 2)):
        for path, accept in ((f"?format=car&car-dups={dups}", "*/*"), ("", f"{CAR_TYPE}; dups={dups}")):
            response, data = await ask(f"/ipfs/{root}{path}", Accept=accept)
            assert response.headers["Content-Type"].endswith(f"; dups={dups}")
            assert len(list(car.blocks([data]))) == count


@pytest.mark.parametrize("version", ["1.0", "1.1"])
async def test_a_car_whose_object_changes_ends_with_a_reset(
    ask: Ask, shared: Shared, store: Store, version: str
) -> None:
    path = store.object(digest_of(DATA))
    path.chmod(0o644)
    with path.open("r+b") as file:
        file.seek((1 << 20) + 5)
        file.write(b"other")
    reader, writer = await asyncio.open_connection("127.0.0.1", shared.port)
    url = f"/ipfs/{dag(DATA).root}?format=car"
    writer.write(f"GET {url} HTTP/{version}\r\nHost: localhost\r\n\r\n".encode())
    with pytest.raises(ConnectionError):
        await reader.read(-1)
    writer.close()
    assert (await ask(f"/ipfs/{dag(DATA).root}?format=raw"))[0].status == 404


async def test_a_block_whose_bytes_have_changed_is_not_given(ask: Ask, store: Store) -> None:
    path = store.object(digest_of(DATA))
    before = path.stat()
    path.chmod(0o644)
    path.write_bytes(bytes(len(DATA)))
    path.chmod(0o444)
    os.utime(path, ns=(before.st_mtime_ns, before.st_mtime_ns))
    response, data = await ask(f"/ipfs/{dag(DATA).leaves[1].cid}?format=raw")
    assert (response.status, data) == (404, b"not here\n")


async def test_a_file_that_shrinks_ends_the_connection(shared: Shared, store: Store) -> None:
    path = store.object(digest_of(DATA))
    reader, writer = await asyncio.open_connection("127.0.0.1", shared.port, limit=1 << 10)
    request = f"GET /eai/sha256/{hex_of(DATA)} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    writer.write(request + request)
    head = await reader.readuntil(b"\r\n\r\n")
    path.chmod(0o644)
    os.truncate(path, 100)
    rest = b""
    with suppress(OSError):
        rest = await reader.read(-1)
    writer.close()
    assert str(len(DATA)).encode() in head
    assert b"HTTP/1.1" not in rest


async def test_refusals_are_not_kept_for_ever(ask: Ask) -> None:
    response, _ = await ask(f"/eai/sha256/{hex_of(SMALL)}", Range="bytes=99-")
    assert (response.status, "Cache-Control" in response.headers) == (416, False)

"""The source `ipfs` and its gateways, of which some lie, stall or refuse."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.fetching import Fetcher, digest_of
from support.gateway import (
    RAW_TYPE,
    SMALL,
    Blocks,
    asked_for,
    everywhere,
    gateway,
    path_of,
)
from support.ipfs_source import DATA, Make, whole
from support.lying import Answer, Asked, Server, Wire, redirect, status

from zoo.errors import Interrupted, SizeMismatch, SourceError, SourcesExhausted
from zoo.fetch.events import Failed, WrongBytes
from zoo.ipfs import cid as cids
from zoo.ipfs.cid import RAW
from zoo.ipfs.dagpb import BLOCK_MAX
from zoo.lock.model import Artifact
from zoo.store import Store


def wrong(asked: Asked, wire: Wire) -> None:
    wire.head(200, Content_Length=5, Content_Type=RAW_TYPE)
    wire.body(b"wrong")


def truncated(asked: Asked, wire: Wire) -> None:
    wire.head(200, Content_Length=50, Content_Type=RAW_TYPE)
    wire.body(b"part")
    wire.cut()


def endless(asked: Asked, wire: Wire) -> None:
    wire.head(200, Content_Type=RAW_TYPE)
    wire.body(bytes(5 << 20))
    wire.cut()


def html(asked: Asked, wire: Wire) -> None:
    wire.head(200, Content_Length=9, Content_Type="text/html; charset=utf-8")
    wire.body(b"<p>hi</p>")


def deserialised(asked: Asked, wire: Wire) -> None:
    wire.head(200, Content_Length=len(DATA), Content_Type="application/octet-stream")
    wire.body(DATA)


def packed(asked: Asked, wire: Wire) -> None:
    wire.head(200, Content_Length=5, Content_Type=RAW_TYPE, Content_Encoding="gzip")
    wire.body(b"bomb!")


def stalled(asked: Asked, wire: Wire) -> None:
    wire.head(200, Content_Length=50, Content_Type=RAW_TYPE)
    wire.hang()


def silent(asked: Asked, wire: Wire) -> None:
    wire.hang()


@dataclass(frozen=True)
class Bad:
    """What a gateway does, and a word of what is said of it."""

    answer: Answer
    said: str


BAD = [
    Bad(wrong, "is not the one that"),
    Bad(truncated, "connection ended"),
    Bad(endless, "more than the"),
    Bad(html, "no trustless gateway"),
    Bad(deserialised, "no trustless gateway"),
    Bad(packed, "as gzip"),
    Bad(stalled, "no more bytes came in time"),
    Bad(silent, "no more bytes came in time"),
    Bad(status(404), "404"),
    Bad(status(410), "410"),
    Bad(status(429, Retry_After="3600"), "429"),
    Bad(status(451), "451"),
    Bad(status(504), "504"),
    Bad(redirect("ftp://elsewhere.example/"), "redirects from http"),
]
IDS = [
    "wrong",
    "truncated",
    "endless",
    "html",
    "deserialised",
    "gzip",
    "stalled",
    "silent",
    "404",
    "410",
    "429",
    "451",
    "504",
    "redirect",
]


@pytest.mark.parametrize("bad", BAD, ids=IDS)
def test_a_bad_gateway_is_put_aside_and_named_and_the_others_go_on(
    servers: Callable[[], Server],
    make: Make,
    blocks: Blocks,
    tmp_path: Path,
    bad: Bad,
) -> None:
    dag = blocks.file(DATA, SMALL)
    worse, better = servers(), servers()
    urls = everywhere(worse, blocks, bad.answer), gateway(better, blocks)
    fetch = Fetcher(Store(tmp_path / "store", piece=4096), {"ipfs": make(*urls)})
    wanted = Artifact(digest=digest_of(DATA), size=len(DATA), ipfs=(f"ipfs://{dag.root}",))
    fetch(wanted)
    assert fetch.store.object(wanted.digest).read_bytes() == DATA
    named = [*fetch.of(WrongBytes), *fetch.of(Failed)]
    assert [event.source for event in named] == [f"ipfs://{dag.root} at {urls[0]}"]  # type: ignore[union-attr] - all have one
    assert bad.said in named[0].reason  # type: ignore[union-attr] - as above
    # Those that were under way when it was put aside, and none after.
    assert len(worse.asked) <= 9


@pytest.mark.parametrize("bad", BAD, ids=IDS)
def test_where_every_gateway_fails_the_source_does_and_each_is_named(
    servers: Callable[[], Server], make: Make, blocks: Blocks, bad: Bad
) -> None:
    dag = blocks.file(DATA, SMALL)
    urls = [everywhere(servers(), blocks, bad.answer) for _ in range(2)]
    with pytest.raises(SourceError) as caught:
        whole(make(*urls), f"ipfs://{dag.root}", len(DATA))
    assert all(url in caught.value.message for url in urls)
    assert bad.said in caught.value.message


def test_half_a_lie_is_caught_at_its_block(
    servers: Callable[[], Server], make: Make, blocks: Blocks, tmp_path: Path
) -> None:
    dag = blocks.file(DATA, SMALL)
    server = servers()
    url = gateway(server, blocks)
    server.on(path_of(str(dag.leaves[-1].cid)), wrong)
    fetch = Fetcher(Store(tmp_path / "store", piece=4096), {"ipfs": make(url)})
    wanted = Artifact(digest=digest_of(DATA), size=len(DATA), ipfs=(f"ipfs://{dag.root}",))
    with pytest.raises(SourcesExhausted):
        fetch(wanted, jobs=1)
    # What came before is right, and stays.
    held = fetch.store.held(wanted.digest, len(DATA))
    assert held >= len(DATA) - 2 * 4096
    honest = servers()
    again = Fetcher(fetch.store, {"ipfs": make(gateway(honest, blocks))})
    again(wanted, jobs=1)
    assert set(asked_for(honest)) & {str(leaf.cid) for leaf in dag.leaves} == {str(dag.leaves[-1].cid)}


def test_the_blocks_come_from_several_gateways(
    servers: Callable[[], Server], make: Make, blocks: Blocks
) -> None:
    dag = blocks.file(DATA, SMALL)
    both = servers(), servers()
    source = make(*(gateway(server, blocks) for server in both))
    assert whole(source, f"ipfs://{dag.root}", len(DATA)) == DATA
    assert min(len(server.asked) for server in both) > 0


def test_a_limit_of_requests_passes_by(servers: Callable[[], Server], make: Make, blocks: Blocks) -> None:
    dag = blocks.file(b"x" * 5000, SMALL)
    url = everywhere(servers(), blocks, status(429, Retry_After="7"))
    with pytest.raises(Interrupted) as caught:
        whole(make(url), f"ipfs://{dag.root}")
    assert caught.value.retry_after == 7


def test_another_size_than_the_lock_says_is_no_success(
    servers: Callable[[], Server], make: Make, blocks: Blocks
) -> None:
    dag = blocks.file(DATA, SMALL)
    with pytest.raises(SizeMismatch):
        whole(make(gateway(servers(), blocks)), f"ipfs://{dag.root}", len(DATA) + 1)


def test_redirects_are_followed(servers: Callable[[], Server], make: Make, blocks: Blocks) -> None:
    root = blocks.add(cids.of(b"GGUF", RAW), b"GGUF")
    there, here = servers(), servers()
    gateway(there, blocks)
    here.on(path_of(str(root)), redirect(there.url(path_of(str(root))), 308))
    assert whole(make(here.url("")), f"ipfs://{root}") == b"GGUF"


def test_redirects_that_lead_nowhere_are_followed_a_few_times(
    servers: Callable[[], Server], make: Make, blocks: Blocks
) -> None:
    root = blocks.add(cids.of(b"GGUF", RAW), b"GGUF")
    server = servers()
    server.on(path_of(str(root)), redirect(path_of(str(root))))
    with pytest.raises(SourceError, match="more than 5 redirects"):
        whole(make(server.url("")), f"ipfs://{root}")
    assert len(server.asked) == 6


def test_a_block_that_is_announced_too_large_is_not_waited_for(
    servers: Callable[[], Server], make: Make, blocks: Blocks
) -> None:
    def announced(asked: Asked, wire: Wire) -> None:
        wire.head(200, Content_Length=5, Content_Type=RAW_TYPE)
        wire.hang()

    root = blocks.add(cids.of(b"GGUF", RAW), b"GGUF")
    with pytest.raises(SourceError, match="announces more than the 4 bytes"):
        whole(make(everywhere(servers(), blocks, announced)), f"ipfs://{root}", 4)


def test_a_single_block_is_no_larger_than_blocks_may_be(
    servers: Callable[[], Server], make: Make, blocks: Blocks
) -> None:
    data = bytes(BLOCK_MAX + 1)
    root = blocks.add(cids.of(data, RAW), data)
    with pytest.raises(SourceError, match="more than the 2,097,152 bytes"):
        whole(make(gateway(servers(), blocks)), f"ipfs://{root}", len(data))


def test_a_gateway_that_was_slow_is_asked_last_from_then_on(
    servers: Callable[[], Server], make: Make, blocks: Blocks
) -> None:
    roots = [blocks.add(cids.of(bytes([at]), RAW), bytes([at])) for at in range(3)]
    slow, quick = servers(), servers()
    source = make(everywhere(slow, blocks, stalled), gateway(quick, blocks))
    assert [whole(source, f"ipfs://{root}", 1) for root in roots] == [b"\0", b"\1", b"\2"]
    assert len(slow.asked) == 1


def test_what_is_closed_ends(servers: Callable[[], Server], make: Make, blocks: Blocks) -> None:
    dag = blocks.file(DATA, SMALL)
    source = make(everywhere(servers(), blocks, stalled))
    with source.open(f"ipfs://{dag.root}", size=len(DATA)) as download:
        body = download.read(0, None)
        chunks = body.__enter__().chunks
    with pytest.raises(Interrupted):
        next(chunks)
    body.__exit__(None, None, None)

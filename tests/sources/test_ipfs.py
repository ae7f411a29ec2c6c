"""The source `ipfs`: what a CID means, and its bytes from gateways of which some lie."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from support.fetching import Fetcher, digest_of
from support.gateway import (
    PROBE,
    RAW_TYPE,
    SMALL,
    Blocks,
    asked_for,
    everywhere,
    gateway,
    noise,
    path_of,
    raw,
)
from support.lying import Answer, Asked, Server, Wire, redirect, serving, status

from zoo.config import Ipfs as Settings
from zoo.errors import Interrupted, Malformed, NotThere, SizeMismatch, SourceError, SourcesExhausted
from zoo.fetch.events import Failed, WrongBytes
from zoo.ipfs import cid as cids
from zoo.ipfs.cid import RAW
from zoo.ipfs.profiles import KUBO_V1_256K, UNIXFS_V0_2015, UNIXFS_V1_2025, Profile
from zoo.lock.model import Artifact
from zoo.sources.http import Patience, new_client
from zoo.sources.ipfs import Ipfs
from zoo.store import Store
from zoo.zoofile.model import Origin

DATA = noise(300_000)
BRIEF = Patience(connect=5, first=1, stall=1)

Make = Callable[..., Ipfs]


@pytest.fixture
def servers() -> Iterator[Callable[[], Server]]:
    with ExitStack() as stack:
        yield lambda: stack.enter_context(serving())


@pytest.fixture(scope="module")
def client() -> Iterator[httpx2.Client]:
    with new_client() as client:
        yield client


@pytest.fixture
def make(client: httpx2.Client) -> Make:
    return lambda *urls, **more: Ipfs(lambda: client, Settings(gateways=urls or None, **more), patience=BRIEF)


@pytest.fixture
def blocks() -> Blocks:
    return Blocks()


def whole(source: Ipfs, uri: str, size: int | None = None) -> bytes:
    with source.open(uri, size=size) as download, download.read(0, None) as body:
        return b"".join(body.chunks)


def test_a_raw_cid_states_its_digest(servers: Callable[[], Server], make: Make, blocks: Blocks) -> None:
    root = blocks.add(cids.of(b"GGUF", RAW), b"GGUF")
    source = make(gateway(servers(), blocks))
    (found,) = source.find(Origin(ipfs=str(root)))
    assert (found.uri, found.size, found.digest) == (f"ipfs://{root}", 4, digest_of(b"GGUF"))
    assert found.path == f"{root}.gguf"
    assert whole(source, found.uri, 4) == b"GGUF"


@pytest.mark.parametrize("profile", [UNIXFS_V1_2025, KUBO_V1_256K, UNIXFS_V0_2015, SMALL])
@pytest.mark.parametrize("size", [0, 1, 4096, 300_000])
def test_a_file_comes_whole_under_every_profile(
    servers: Callable[[], Server], make: Make, blocks: Blocks, profile: Profile, size: int
) -> None:
    dag = blocks.file(DATA[:size], profile)
    source = make(gateway(servers(), blocks))
    (found,) = source.find(Origin(ipfs=str(dag.root)))
    assert (found.size, found.uri.startswith("ipfs://baf")) == (size, True)
    assert found.digest in {None, digest_of(DATA[:size])}
    assert whole(source, found.uri, size) == DATA[:size]
    assert whole(source, found.uri) == DATA[:size]


@pytest.mark.parametrize(("start", "stop"), [(0, 1), (4095, 4097), (100_000, 200_000), (299_999, 300_000)])
def test_a_range_takes_only_its_blocks(
    servers: Callable[[], Server], make: Make, blocks: Blocks, start: int, stop: int
) -> None:
    dag = blocks.file(DATA, SMALL)
    server = servers()
    source = make(gateway(server, blocks))
    with source.open(f"ipfs://{dag.root}", size=len(DATA)) as download:
        with download.read(start, stop) as body:
            assert (body.start, body.stop) == (start, stop)
            assert b"".join(body.chunks) == DATA[start:stop]
        leaves = {str(leaf.cid) for leaf in dag.leaves}
        assert len(leaves & set(asked_for(server))) == (stop - 1) // 4096 - start // 4096 + 1


def test_a_directory_is_its_model_with_all_shards_and_the_projector(
    servers: Callable[[], Server], make: Make, blocks: Blocks
) -> None:
    files = {
        "README.md": b"read me",
        "m-00001-of-00002.gguf": DATA,
        "m-00002-of-00002.gguf": b"second",
        "mmproj-F16.gguf": b"eyes",
    }
    root = blocks.directory(files, SMALL)
    inside = blocks.directory({"v1": root})
    source = make(gateway(servers(), blocks))
    found = source.find(Origin(ipfs=str(root)))
    assert [(each.path, each.part) for each in found] == [
        ("m-00001-of-00002.gguf", "weights"),
        ("m-00002-of-00002.gguf", "weights"),
        ("mmproj-F16.gguf", "mmproj"),
    ]
    assert [each.size for each in found] == [len(DATA), 6, 4]
    assert [whole(source, each.uri, each.size) for each in found] == [DATA, b"second", b"eyes"]
    assert source.find(Origin(ipfs=f"{inside}/v1")) == found
    by_shard = source.find(Origin(ipfs=f"{inside}/v1/m-00002-of-00002.gguf"))
    assert [each.uri for each in by_shard] == [each.uri for each in found[:2]]
    (projector,) = source.find(Origin(ipfs=f"{inside}/v1/mmproj-F16.gguf"))
    assert (projector.path, projector.part) == ("mmproj-F16.gguf", None)


def test_a_directory_of_several_models_needs_a_name(
    servers: Callable[[], Server], make: Make, blocks: Blocks
) -> None:
    root = blocks.directory({"a.gguf": b"a", "b.gguf": b"b"})
    source = make(gateway(servers(), blocks))
    with pytest.raises(NotThere, match=r"2 GGUF models: a\.gguf, b\.gguf"):
        source.find(Origin(ipfs=str(root)))
    with pytest.raises(NotThere, match=r"no entry 'c\.gguf'"):
        source.find(Origin(ipfs=f"{root}/c.gguf"))
    (found,) = source.find(Origin(ipfs=f"{root}/b.gguf"))
    assert found.path == "b.gguf"


def test_a_missing_shard_is_named(servers: Callable[[], Server], make: Make, blocks: Blocks) -> None:
    root = blocks.directory({"m-00001-of-00003.gguf": b"1", "m-00003-of-00003.gguf": b"3"})
    with pytest.raises(NotThere, match="shard 2 is missing"):
        make(gateway(servers(), blocks)).find(Origin(ipfs=str(root)))


def test_what_is_no_cid_is_refused(make: Make) -> None:
    with pytest.raises(Malformed):
        make("http://127.0.0.1:1").find(Origin(ipfs="bafynonsense"))
    with pytest.raises(SourceError), make("http://127.0.0.1:1").open("url://x", size=None):
        pass


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
    assert [event.source for event in named] == [f"ipfs://{dag.root} at {urls[0]}"]  # type: ignore[union-attr]
    assert bad.said in named[0].reason  # type: ignore[union-attr]
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


def test_what_is_closed_ends(servers: Callable[[], Server], make: Make, blocks: Blocks) -> None:
    dag = blocks.file(DATA, SMALL)
    source = make(everywhere(servers(), blocks, stalled))
    with source.open(f"ipfs://{dag.root}", size=len(DATA)) as download:
        body = download.read(0, None)
        chunks = body.__enter__().chunks
    with pytest.raises(Interrupted):
        next(chunks)
    body.__exit__(None, None, None)


def test_the_node_of_this_machine_is_used_where_it_answers_as_a_gateway(
    servers: Callable[[], Server], make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    node, other = servers(), servers()
    node.on(path_of(PROBE), raw(b""))
    monkeypatch.setattr("zoo.sources.ipfs.PUBLIC", (other.url(""),))
    for local, count in ((node.url(""), 2), (other.url(""), 1), ("http://127.0.0.1:1", 1)):
        monkeypatch.setattr("zoo.sources.ipfs.LOCAL", local)
        assert len(make()._gateways) == count  # noqa: SLF001 - nothing else shows what is known


def test_routing_finds_who_has_it_once_all_others_failed(
    servers: Callable[[], Server], make: Make, blocks: Blocks
) -> None:
    root = blocks.add(cids.of(b"GGUF", RAW), b"GGUF")
    poor, router = servers(), servers()
    answer = b'{"Providers": [{"Schema": "peer", "Addrs": ["/dns4/rich.invalid/tcp/443/https"]}]}'

    def routed(asked: Asked, wire: Wire) -> None:
        wire.head(200, Content_Length=len(answer), Content_Type="application/json")
        wire.body(answer)

    where = f"/routing/v1/providers/{root}?filter-protocols=transport-ipfs-gateway-http"
    router.on(where, routed)
    source = make(poor.url(""), routing=router.url(""))
    with pytest.raises(SourceError, match=r"https://rich\.invalid:443"):
        whole(source, f"ipfs://{root}")
    assert [asked.path for asked in router.asked] == [where]


def test_a_preserved_model_is_told_by_its_metadata(
    servers: Callable[[], Server], make: Make, blocks: Blocks
) -> None:
    root = blocks.archive("lion", {"lion/lion": DATA, "lion/lion-projector": b"eyes", "lion/x": b"x"})
    source = make(gateway(servers(), blocks))
    (found,) = source.find(Origin(ipfs=str(root)))
    assert (found.path, found.packed, found.uri) == ("lion.gguf", True, f"ipfs://{root}")
    with source.unpack(found.uri, lambda _, __: None) as members:
        got = [(each.path, each.uri, each.part, b"".join(each.chunks)) for each in members]
    assert got == [
        ("lion.gguf", f"ipfs://{root}/lion", "weights", DATA),
        ("mmproj-lion.gguf", f"ipfs://{root}/lion-projector", "mmproj", b"eyes"),
    ]
    assert whole(source, f"ipfs://{root}/lion-projector", 4) == b"eyes"
    with pytest.raises(NotThere):
        whole(source, f"ipfs://{root}/tiger", 4)
    assert hashlib.sha256(whole(source, f"ipfs://{root}/lion", len(DATA))).hexdigest() == digest_of(DATA).hex

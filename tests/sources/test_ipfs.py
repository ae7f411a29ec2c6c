"""The source `ipfs`: what a CID means, and what it is made of."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest
from support.fetching import digest_of
from support.gateway import (
    PROBE,
    SMALL,
    Blocks,
    asked_for,
    gateway,
    path_of,
    raw,
)
from support.ipfs_source import DATA, Make, whole
from support.lying import Asked, Server, Wire

from zoo.errors import Malformed, NotThere, SourceError
from zoo.ipfs import cid as cids
from zoo.ipfs import legacy
from zoo.ipfs.cid import RAW
from zoo.ipfs.profiles import KUBO_V1_256K, UNIXFS_V0_2015, UNIXFS_V1_2025, Profile
from zoo.zoofile.model import Origin


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


def test_routing_finds_nobody_on_this_machine(
    servers: Callable[[], Server], make: Make, blocks: Blocks
) -> None:
    root = blocks.add(cids.of(b"GGUF", RAW), b"GGUF")
    inside, router = servers(), servers()
    answer = b'{"Providers": [{"Addrs": ["/dns4/0x7f.1/tcp/%d/https"]}]}' % inside.port

    def routed(asked: Asked, wire: Wire) -> None:
        wire.head(200, Content_Length=len(answer), Content_Type="application/json")
        wire.body(answer)

    router.on(f"/routing/v1/providers/{root}?filter-protocols=transport-ipfs-gateway-http", routed)
    with pytest.raises(SourceError, match="inside this machine"):
        whole(make(servers().url(""), routing=router.url("")), f"ipfs://{root}")
    assert not inside.asked


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
    with pytest.raises(Malformed, match="lion-projector has 4 bytes there, and not 5"):
        whole(source, f"ipfs://{root}/lion-projector", 5)
    assert hashlib.sha256(whole(source, f"ipfs://{root}/lion", len(DATA))).hexdigest() == digest_of(DATA).hex


def test_a_part_that_is_no_file_is_named(servers: Callable[[], Server], make: Make, blocks: Blocks) -> None:
    part = legacy.Part("m.zip.part-aa", blocks.directory({"x": b"y"}), digest_of(b""), 0)
    metadata = legacy.dump(legacy.Archive(folder="m", parts=(part,)))
    root = blocks.add(cids.of(metadata, RAW), metadata)
    source = make(gateway(servers(), blocks))
    with (
        pytest.raises(Malformed, match=rf"m\.zip\.part-aa \({part.cid}\): a directory stands"),
        source.unpack(f"ipfs://{root}", lambda _, __: None) as members,
    ):
        next(members)

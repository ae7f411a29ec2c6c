"""CAR files as a source: every block checked, what they lack from gateways, and offline without any."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest
from support.gateway import SMALL, Blocks, asked_for, gateway, noise
from support.lying import Server

from zoo.config import Ipfs as Settings
from zoo.errors import EaiError, Malformed, NotThere, SourceError
from zoo.ipfs import carheader
from zoo.ipfs import cid as cids
from zoo.ipfs.cid import RAW
from zoo.ipfs.dagpb import BLOCK_MAX
from zoo.ipfs.profiles import UNIXFS_V0_2015, Profile
from zoo.ipfs.wire import varint
from zoo.sources.base import Several
from zoo.sources.cars import CarFile, have, opened
from zoo.sources.ipfs import Ipfs
from zoo.sources.web import Web

DATA = noise(50_000)

Make = Callable[..., CarFile]


def car(blocks: Mapping[str, bytes]) -> bytes:
    """Write blocks by their CIDs, in their order, with a root that is none of them."""
    named = {bytes(cids.parse(name)): data for name, data in blocks.items()}
    sections = (varint(len(name) + len(data)) + name + data for name, data in named.items())
    return carheader.encode((cids.of(b"no block", RAW),)) + b"".join(sections)


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Write and open a CAR file."""
    with ExitStack() as stack:

        def make(blocks: Mapping[str, bytes] | bytes, name: str = "usb.car") -> CarFile:
            (tmp_path / name).write_bytes(blocks if isinstance(blocks, bytes) else car(blocks))
            return stack.enter_context(opened(tmp_path / name))

        yield make


@pytest.fixture
def told() -> list[tuple[str, str]]:
    return []


@pytest.fixture
def read(told: list[tuple[str, str]]) -> Iterator[Callable[..., bytes]]:
    """Read a file by its URI, and note which places were put aside; without gateways offline."""
    web = Web({})

    def read(uri: str, *files: CarFile, gateways: tuple[str, ...] = (), start: int = 0) -> bytes:
        source = Ipfs(lambda: web, Settings(gateways=gateways), cars=files, offline=not gateways)
        with source.open(uri, size=None) as download:
            if isinstance(download, Several):
                download.aside = lambda place, error: told.append((place, error.message))
            with download.read(start, None) as body:
                return b"".join(body.chunks)[start - body.start :]

    yield read
    web.close()


def shuffled(blocks: Blocks) -> dict[str, bytes]:
    items = list(blocks.held.items())
    random.Random(1).shuffle(items)
    return dict(items)


@pytest.mark.parametrize("profile", [SMALL, UNIXFS_V0_2015])
def test_a_file_is_read_whatever_the_order_of_its_blocks(
    make: Make, read: Callable[..., bytes], profile: Profile
) -> None:
    data, blocks = noise(700_000), Blocks()
    root = blocks.file(data, profile).root
    file = make(shuffled(blocks))
    assert have([file], f"ipfs://{root}")
    assert read(f"ipfs://{root}", file) == data
    assert read(f"ipfs://{root}", file, start=300_000) == data[300_000:]


def test_a_file_is_read_that_only_two_cars_have_together(make: Make, read: Callable[..., bytes]) -> None:
    blocks = Blocks()
    root = blocks.file(DATA, SMALL).root
    items = list(blocks.held.items())
    files = make(dict(items[::2]), "a.car"), make(dict(items[1::2]), "b.car")
    assert read(f"ipfs://{root}", *files) == DATA


def test_a_file_of_a_preserved_model_is_read(make: Make, read: Callable[..., bytes]) -> None:
    blocks = Blocks()
    root = blocks.archive("old", {"old/old": DATA})
    assert read(f"ipfs://{root}/old", make(blocks.held)) == DATA


def test_no_gateway_is_asked_for_what_a_car_has(
    make: Make, read: Callable[..., bytes], server: Server
) -> None:
    blocks = Blocks()
    root = blocks.file(DATA, SMALL).root
    assert read(f"ipfs://{root}", make(blocks.held), gateways=(gateway(server, blocks),)) == DATA
    assert server.asked == []


def test_a_gateway_gives_only_what_is_missing_or_damaged_in_a_car(
    make: Make, read: Callable[..., bytes], server: Server, told: list[tuple[str, str]]
) -> None:
    blocks = Blocks()
    dag = blocks.file(DATA, SMALL)
    missing, damaged = (str(dag.leaves[at].cid) for at in (2, 5))
    there = {**blocks.held, damaged: blocks.held[damaged][::-1]}
    del there[missing]
    file = make(there)
    assert read(f"ipfs://{dag.root}", file, gateways=(gateway(server, blocks),)) == DATA
    assert set(asked_for(server)) == {missing, damaged}
    [(place, why)] = told
    assert place == file.url
    assert f"the block {damaged} is damaged" in why


def test_what_no_car_has_is_named_with_the_file(make: Make, read: Callable[..., bytes]) -> None:
    blocks = Blocks()
    dag = blocks.file(DATA, SMALL)
    whole = car(blocks.held)
    file = make(whole[:-1])
    with pytest.raises(SourceError, match=r"no CAR file has(.|\n)*is not in it; at byte ") as caught:
        read(f"ipfs://{dag.root}", file)
    assert file.url in caught.value.message
    assert not have([file], f"ipfs://{cids.of(b'another', RAW)}")
    assert not have([file], "ipfs://bnocid")


def test_a_damaged_block_is_named_with_its_place(make: Make) -> None:
    right, file = cids.of(b"right", RAW), make({str(cids.of(b"right", RAW)): b"wrong"})
    with pytest.raises(Malformed, match=rf"at byte [0-9]+, the block {right} is damaged"):
        file.block(right, BLOCK_MAX)
    with pytest.raises(Malformed, match="has 5 bytes, and may have 4"):
        file.block(right, 4)
    with pytest.raises(NotThere, match=r"is not in it$"):
        file.block(cids.of(b"absent", RAW), BLOCK_MAX)


def test_a_car_that_becomes_shorter_meanwhile_is_found_out(make: Make) -> None:
    cid = cids.of(b"here", RAW)
    file = make({str(cid): b"here"})
    Path(file.url).write_bytes(b"")
    with pytest.raises(Malformed, match="is damaged"):
        file.block(cid, BLOCK_MAX)


def test_what_is_no_car_has_nothing_and_says_so(make: Make) -> None:
    file = make(b"GGUF and more")
    assert file.damage is not None
    assert file.count == 0
    assert not have([file], f"ipfs://{cids.of(b'', RAW)}")


def test_a_disk_that_can_no_longer_be_read_is_named_with_the_place(tmp_path: Path) -> None:
    cid = cids.of(b"here", RAW)
    (tmp_path / "usb.car").write_bytes(car({str(cid): b"here"}))
    with opened(tmp_path / "usb.car") as file:
        assert file.block(cid, 4) == b"here"
    with pytest.raises(SourceError, match=r"usb\.car: at byte [0-9]+: "):
        file.block(cid, 4)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent"):
        with pytest.raises(EaiError, match=str(path)), opened(path):
            pass

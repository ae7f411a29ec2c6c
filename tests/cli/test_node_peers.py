"""What others wrote for Node agrees: Helia's gateway is read from, and ipfs-car's files are eai's."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

import pytest
from models.shapes import write_shape
from support import node
from support.locked import lock, model
from support.roundtrip import Eai, there_and_back
from support.sharing import store_served

from zoo.digest import Digest
from zoo.ipfs import builder
from zoo.ipfs.profiles import UNIXFS_V1_2025
from zoo.lock import toml
from zoo.lock.model import File
from zoo.store import Store

MIB = 1 << 20


def noise(size: int) -> bytes:
    return random.Random(size).randbytes(size)


@pytest.fixture
def gguf(tmp_path: Path) -> Path:
    """A model of several blocks."""
    path = write_shape(tmp_path / "lion.gguf", "llama", blocks=2)
    path.write_bytes(path.read_bytes() + noise(3 * MIB))
    return path


def preserved(eai: Eai, work: Path, files: dict[str, bytes]) -> dict[str, str]:
    """Preserve a model of these files in work/out.car; their CIDs."""
    store, shards = Store(work.parent / "home" / "store"), []
    for name, data in files.items():
        (work.parent / name).write_bytes(data)
        shards.append(File(path=name, digest=store.adopt(work.parent / name)[0]))
    toml.write(work / "zoo.lock", lock(model("m", *shards, main=True)))
    done = eai("preserve", "--to", "car", "out.car")
    assert done.returncode == 0, done.stderr
    printed = (line.split("  ") for line in done.stdout.splitlines())
    return {name.removeprefix("m/"): cid for cid, name in printed}


def test_ipfs_car_unpacks_what_eai_preserved(eai: Eai, work: Path) -> None:
    files = {"a-00001-of-00002.gguf": noise(5 * MIB + 12_345), "a-00002-of-00002.gguf": noise(300_000)}
    cids = preserved(eai, work, files)
    assert node.ipfs_car("roots", str(work / "out.car")).split() == list(cids.values())
    for name, data in files.items():
        out = work / name
        node.ipfs_car("unpack", str(work / "out.car"), "--root", cids[name], "--output", str(out))
        assert out.read_bytes() == data


@pytest.mark.parametrize("size", [1, MIB, MIB + 1, 5 * MIB + 12_345])
def test_ipfs_car_gives_a_file_the_same_cid(tmp_path: Path, size: int) -> None:
    data = noise(size)
    (tmp_path / "file").write_bytes(data)
    packed = node.ipfs_car(
        "pack", "--no-wrap", str(tmp_path / "file"), "--output", str(tmp_path / "file.car")
    )
    dag = builder.build(lambda at, length: data[at : at + length], size, UNIXFS_V1_2025)
    assert packed == str(dag.root)


def test_a_file_that_helia_added_is_locked_and_fetched_from_it(eai: Eai, work: Path, gguf: Path) -> None:
    with node.helia(gguf) as gateway:
        [root] = gateway.roots
        got, store = there_and_back(eai, work, root, gateway.url)
    digest = Digest.of_hex(hashlib.sha256(gguf.read_bytes()).hexdigest())
    assert [file.digest for file in got.model[0].files()] == [digest]
    assert got.artifacts()[digest].ipfs == (f"ipfs://{root}",)
    assert store.object(digest).read_bytes() == gguf.read_bytes()


def test_a_directory_that_ipfs_car_packed_is_fetched_from_helia(
    eai: Eai, work: Path, gguf: Path, tmp_path: Path
) -> None:
    packed = tmp_path / "packed.car"
    root = node.ipfs_car("pack", str(gguf), "--output", str(packed))
    with node.helia(packed) as gateway:
        assert gateway.roots == (root,)
        got, store = there_and_back(eai, work, root, gateway.url)
    [file] = got.model[0].weights
    assert file.path == gguf.name
    assert store.object(file.digest).read_bytes() == gguf.read_bytes()


def test_what_eai_preserved_comes_back_from_helia(eai: Eai, work: Path, gguf: Path) -> None:
    [cid] = preserved(eai, work, {"m.gguf": gguf.read_bytes()}).values()
    (work / "zoo.lock").unlink()
    with node.helia(work / "out.car") as gateway:
        got, store = there_and_back(eai, work, cid, gateway.url)
    [file] = got.model[0].weights
    assert store.object(file.digest).read_bytes() == gguf.read_bytes()


def test_helia_reads_what_a_shared_store_has(tmp_path: Path) -> None:
    data = noise(3 * MIB + 5)
    (tmp_path / "file").write_bytes(data)
    Store(tmp_path / "home" / "store").adopt(tmp_path / "file")
    root = builder.build(lambda at, length: data[at : at + length], len(data), UNIXFS_V1_2025).root
    with store_served(tmp_path / "home") as url:
        assert node.read(url, str(root)) == data

"""What a real Kubo has, `eai lock` and `eai fetch` get from its gateway, block by block."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import gguf
import httpx2
import numpy as np
import pytest
from models.shapes import write_shape
from support import kubo
from support.gateway import noise, tarred
from support.roundtrip import Eai, there_and_back
from support.sharing import store_served

from zoo.ipfs import cid as cids
from zoo.lock import toml
from zoo.store import Store

OLDER = ("--cid-version=1", "--chunker=size-262144", "--max-file-links=174", "--raw-leaves")
OLDEST = ("--cid-version=0", "--chunker=size-262144", "--max-file-links=174", "--raw-leaves=false")
TRICKLE = ("--trickle", "--chunker=size-100000")
RABIN = ("--chunker=rabin-65536-131072-262144",)


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[kubo.Node]:
    """A node that shards directories of more than a few entries."""
    repo = tmp_path_factory.mktemp("kubo")
    kubo.make(repo, config={"Import.UnixFSHAMTDirectorySizeThreshold": "500B"})
    with kubo.running(repo) as node:
        yield node


@pytest.fixture
def model(tmp_path: Path) -> bytes:
    return write_shape(tmp_path / "model.gguf", "llama", blocks=2).read_bytes() + noise(3 << 20)


@pytest.fixture
def eyes(tmp_path: Path) -> bytes:
    writer = gguf.GGUFWriter(tmp_path / "eyes.gguf", "clip")
    writer.add_type(gguf.GGUFType.MMPROJ)
    writer.add_tensor("weights", np.zeros(32, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return (tmp_path / "eyes.gguf").read_bytes()


@pytest.mark.parametrize(
    "how", [(), OLDER, OLDEST, TRICKLE, RABIN], ids=["v1-2025", "v1-256k", "v0", "trickle", "rabin"]
)
def test_a_file_is_locked_and_fetched_however_it_was_added(
    eai: Eai, work: Path, model: bytes, node: kubo.Node, how: tuple[str, ...]
) -> None:
    root = node.ipfs("add", "-Q", *how, stdin=model).decode().strip()
    lock, store = there_and_back(eai, work, root, node.gateway)
    [file] = lock.model[0].files()
    assert store.object(file.digest).read_bytes() == model
    [uri] = lock.artifacts()[file.digest].ipfs
    assert cids.parse(uri.removeprefix("ipfs://")).digest == cids.parse(root).digest


def test_a_store_gives_a_file_under_the_cid_that_kubo_gave_it(
    eai: Eai, work: Path, model: bytes, node: kubo.Node
) -> None:
    root = node.ipfs("add", "-Q", *OLDEST, stdin=model).decode().strip()
    lock, store = there_and_back(eai, work, root, node.gateway)
    with store_served(store.root.parent) as url:
        (work / "config.toml").write_text(f'[ipfs]\ngateways = ["{url}"]\n')
        (work / "zoo.lock").unlink()
        third = {"EAI_HOME": str(work.parent / "third"), "EAI_CONFIG": str(work / "config.toml")}
        done = eai("lock", **third)
    assert done.returncode == 0, done.stderr
    assert toml.load(work / "zoo.lock") == lock


def test_preserving_adds_a_cid_of_its_own_and_each_alone_brings_the_file_back(
    eai: Eai, work: Path, model: bytes, node: kubo.Node
) -> None:
    root = node.ipfs("add", "-Q", *OLDEST, stdin=model).decode().strip()
    lock, store = there_and_back(eai, work, root, node.gateway)
    done = eai("preserve", "--to", "car", "usb.car", EAI_HOME=str(store.root.parent))
    assert done.returncode == 0, done.stderr
    [file] = lock.model[0].files()
    both = toml.load(work / "zoo.lock").artifacts()[file.digest].ipfs
    assert set(both) > set(lock.artifacts()[file.digest].ipfs)
    assert len(both) == 2
    config = {"EAI_CONFIG": str(work / "config.toml")}
    for home, words in (("from-kubo", ()), ("from-car", ("--from", "usb.car", "--offline"))):
        done = eai("fetch", *words, **config, EAI_HOME=str(work.parent / home))
        assert done.returncode == 0, done.stderr
        assert Store(work.parent / home / "store").object(file.digest).read_bytes() == model


def test_a_sharded_directory_gives_its_model_and_projector(
    eai: Eai, work: Path, model: bytes, eyes: bytes, node: kubo.Node
) -> None:
    folder = work.parent / "folder"
    folder.mkdir()
    for at in range(300):
        (folder / f"note-{at}.txt").write_text(f"{at}")
    (folder / "lion-Q4_0.gguf").write_bytes(model)
    (folder / "mmproj-F16.gguf").write_bytes(eyes)
    root = node.ipfs("add", "-Q", "-r", str(folder)).decode().strip()
    assert len(node.ipfs("refs", root).split()) > 100  # its shards
    lock, store = there_and_back(eai, work, root, node.gateway)
    [weights], [projector] = lock.model[0].weights, lock.model[0].mmproj
    assert (weights.path, projector.path) == ("lion-Q4_0.gguf", "mmproj-F16.gguf")
    assert store.object(weights.digest).read_bytes() == model
    assert store.object(projector.digest).read_bytes() == eyes


def test_a_preserved_model_is_unpacked_as_it_comes(
    eai: Eai, work: Path, model: bytes, eyes: bytes, node: kubo.Node
) -> None:
    packed = gzip.compress(tarred({"old/old-projector": eyes, "old/old": model}), 1)
    files = []
    for at in range(0, len(packed), 1 << 20):
        part = packed[at : at + (1 << 20)]
        added = node.ipfs("add", "-Q", *OLDER, stdin=part).decode().strip()
        digest = hashlib.sha256(part).hexdigest()
        name = f"old.zip.part-a{'abcdefgh'[at >> 20]}"
        files.append({"cid": added, "file_hash": digest, "size_mb": 1.0, "file_name": name})
    files.reverse()
    metadata = {"folder_name": "old", "files": files, "task": "chat", "num_of_files": len(files)}
    root = node.ipfs("add", "-Q", stdin=json.dumps(metadata, indent=4).encode()).decode().strip()
    lock, store = there_and_back(eai, work, root, node.gateway)
    [weights], [projector] = lock.model[0].weights, lock.model[0].mmproj
    assert lock.artifacts()[weights.digest].ipfs == (f"ipfs://{root}/old",)
    assert lock.artifacts()[projector.digest].ipfs == (f"ipfs://{root}/old-projector",)
    assert store.object(weights.digest).read_bytes() == model
    assert store.object(projector.digest).read_bytes() == eyes


def test_kubo_takes_the_car_of_a_shared_store(tmp_path: Path, model: bytes, node: kubo.Node) -> None:
    (tmp_path / "model").write_bytes(model)
    Store(tmp_path / "home" / "store").adopt(tmp_path / "model")
    root = node.ipfs("add", "-Q", "--only-hash", stdin=model).decode().strip()
    with store_served(tmp_path / "home") as url:
        car = httpx2.get(f"{url}/ipfs/{root}?format=car").read()
    (tmp_path / "model.car").write_bytes(car)
    node.ipfs("dag", "import", str(tmp_path / "model.car"))
    assert node.ipfs("cat", root) == model

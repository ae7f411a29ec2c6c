"""`eai preserve --to car` here, `eai fetch --from` there: models cross a gap in one file."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from msgspec.structs import replace
from support import kubo, node
from support.fetching import artifact
from support.gateway import noise
from support.locked import model
from support.lying import Server, honest
from support.roundtrip import Eai

from zoo.ipfs import builder
from zoo.ipfs.cid import DAG_PB, Cid, parse
from zoo.lock import toml
from zoo.lock.model import Artifact, File, Lock
from zoo.store import Store
from zoo.zoofile.model import Server as ServerTable

MIB = 1 << 20
LION, BEAR = noise(5 * MIB + 12_345), noise(3 * MIB)
NOWHERE = "http://127.0.0.1:9/m.gguf"


@pytest.fixture
def there(tmp_path: Path) -> Store:
    """The store of the other machine."""
    return Store(tmp_path / "there" / "store")


def lock(work: Path, *artifacts: Artifact) -> None:
    """Write a lock with a model of each artifact."""
    models = [
        model(f"m{at}", File(path=f"m{at}.gguf", digest=each.digest), main=at == 0)
        for at, each in enumerate(artifacts)
    ]
    ordered = tuple(sorted(artifacts, key=lambda each: each.digest))
    toml.write(
        work / "zoo.lock", Lock(version=1, server=ServerTable(), model=tuple(models), artifact=ordered)
    )


def from_ipfs(data: bytes, cid: str, *urls: str) -> Artifact:
    """An artifact with the CID, as a lock writes that."""
    root = parse(cid)
    canonical = Cid(1, DAG_PB, root.hash, root.digest) if root.version == 0 else root
    return replace(artifact(data, *urls), ipfs=(f"ipfs://{canonical}",))


@pytest.fixture
def preserved(eai: Eai, work: Path, tmp_path: Path) -> Path:
    """A CAR of the two models of a lock, which has nothing but their CIDs left."""
    for data in (LION, BEAR):
        (tmp_path / "file").write_bytes(data)
        Store(tmp_path / "home" / "store").adopt(tmp_path / "file")
    lock(work, artifact(LION, NOWHERE), artifact(BEAR, NOWHERE))
    path = tmp_path / "usb.car"
    done = eai("preserve", "--to", "car", str(path))
    assert done.returncode == 0, done.stderr
    locked = toml.load(work / "zoo.lock")
    only = tuple(replace(each, url=()) for each in locked.artifact)
    assert all(each.ipfs for each in only)
    toml.write(work / "zoo.lock", replace(locked, artifact=only))
    return path


def elsewhere(store: Store) -> dict[str, str]:
    return {"EAI_HOME": str(store.root.parent)}


def has(store: Store, *files: bytes) -> bool:
    return all(store.object(artifact(data).digest).read_bytes() == data for data in files)


def test_what_was_preserved_in_a_car_is_fetched_from_it_offline(
    eai: Eai, preserved: Path, there: Store
) -> None:
    done = eai("fetch", "--from", str(preserved), "--offline", "--json", **elsewhere(there))
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["fetched"]) == 2
    assert f"looking through {preserved}" in done.stderr
    assert has(there, LION, BEAR)


def test_what_plain_kubo_exported_is_fetched_offline(
    eai: Eai, work: Path, node: kubo.Node, there: Store, tmp_path: Path
) -> None:
    older = ("--cid-version=0", "--raw-leaves=false", "--chunker=size-262144", "--max-file-links=174")
    cid = node.ipfs("add", "-Q", *older, stdin=LION).decode().strip()
    assert cid.startswith("Qm")
    (tmp_path / "kubo.car").write_bytes(node.ipfs("dag", "export", cid))
    lock(work, from_ipfs(LION, cid))
    done = eai("fetch", "--from", "../kubo.car", "--offline", **elsewhere(there))
    assert done.returncode == 0, done.stderr
    assert has(there, LION)


def test_a_file_in_a_directory_that_ipfs_car_packed_root_last_is_fetched_offline(
    eai: Eai, work: Path, there: Store, tmp_path: Path
) -> None:
    (tmp_path / "bear").write_bytes(BEAR)
    node.ipfs_car("pack", str(tmp_path / "bear"), "--output", str(tmp_path / "packed.car"))
    dag = builder.build(lambda at, length: BEAR[at : at + length], len(BEAR))
    lock(work, from_ipfs(BEAR, str(dag.root)))
    done = eai("fetch", "--from", "../packed.car", "--offline", **elsewhere(there))
    assert done.returncode == 0, done.stderr
    assert has(there, BEAR)


def test_offline_all_that_no_car_has_is_listed_before_anything_is_read(
    eai: Eai, work: Path, preserved: Path, there: Store
) -> None:
    lost = from_ipfs(b"lost", "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku", NOWHERE)
    lock(work, *toml.load(work / "zoo.lock").artifact, lost)
    done = eai("fetch", "--from", str(preserved), "--offline", **elsewhere(there))
    assert done.returncode == 5
    assert "1 missing, and no connection is allowed" in done.stderr
    assert lost.digest in done.stderr
    assert there.sizes() == {}


def test_a_cut_car_gives_what_it_has_and_other_sources_the_rest(
    eai: Eai, work: Path, preserved: Path, there: Store, server: Server
) -> None:
    preserved.write_bytes(preserved.read_bytes()[: -MIB - 500])
    offline = eai("fetch", "--from", str(preserved), "--offline", **elsewhere(there))
    assert offline.returncode == 5
    assert re.search(rf"{preserved}: at byte [0-9,]+, [0-9,]+ bytes should follow", offline.stderr)
    assert "Traceback" not in offline.stderr
    url = server.on("/bear", honest(BEAR))
    lock(work, *(replace(each, url=(url,)) for each in toml.load(work / "zoo.lock").artifact))
    config = work / "config.toml"
    config.write_text('[ipfs]\ngateways = ["http://127.0.0.1:9"]\n')
    done = eai("fetch", "--from", str(preserved), EAI_CONFIG=str(config), **elsewhere(there))
    assert done.returncode == 0, done.stderr
    assert has(there, LION, BEAR)
    assert server.sent < len(BEAR)


def test_what_is_no_car_is_named_and_does_no_harm(
    eai: Eai, work: Path, there: Store, server: Server, tmp_path: Path
) -> None:
    (tmp_path / "m.gguf").write_bytes(b"GGUF" + bytes(100))
    lock(work, artifact(LION, server.on("/lion", honest(LION))))
    done = eai("fetch", "--from", str(tmp_path / "m.gguf"), **elsewhere(there))
    assert done.returncode == 0, done.stderr
    assert re.search(r"m\.gguf: .+; 0 blocks of it can be used", done.stderr)
    assert "nothing that is missing is in a CAR file" in done.stderr
    assert has(there, LION)


def test_a_car_goes_before_a_peer_which_gives_the_rest(
    eai: Eai, work: Path, preserved: Path, there: Store, server: Server
) -> None:
    wolf = noise(MIB)
    path = f"/eai/sha256/{artifact(wolf).digest.hex}"
    server.on(path, honest(wolf))
    lock(work, *toml.load(work / "zoo.lock").artifact, artifact(wolf, NOWHERE))
    done = eai("fetch", "--from", server.url(""), "--from", str(preserved), **elsewhere(there))
    assert done.returncode == 0, done.stderr
    assert has(there, LION, BEAR, wolf)
    assert {asked.path for asked in server.asked} == {path}


def test_what_is_neither_an_address_nor_a_file_is_refused(eai: Eai, work: Path) -> None:
    lock(work, artifact(LION, NOWHERE))
    done = eai("fetch", "--from", "absent.car")
    assert done.returncode == 2
    assert '"absent.car" is no file here, and no address of a store: ' in done.stderr

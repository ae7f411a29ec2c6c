"""`eai preserve`, as a person runs it, against a real Kubo node."""

from __future__ import annotations

import difflib
import gzip
import io
import json
import os
import random
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support import kubo
from support.locked import chosen
from support.preserving import FILES, MIB, adopt, lock
from support.relay import relay

import zoo
from zoo.environment.identity import environment_id
from zoo.ipfs import car as cars
from zoo.ipfs import legacy
from zoo.lock import toml
from zoo.platform import current
from zoo.store import Store
from zoo.store.sidecar import Sidecar

Eai = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def hasty(tmp_path: Path) -> Iterator[kubo.Node]:
    """A node that puts away what it is sent every 8 blocks, not every 128 as others do."""
    kubo.make(tmp_path / "repo", config={"Import.BatchMaxNodes": 8})
    with kubo.running(tmp_path / "repo") as running:
        yield running


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "home" / "store")


@pytest.fixture
def locked(work: Path, tmp_path: Path, store: Store) -> Path:
    """A lock of one model with every role a file can have, which the store holds."""
    files = {name: adopt(store, tmp_path, name, data) for name, data in FILES.items()}
    return lock(
        work,
        all={
            "weights": (files["m.gguf"],),
            "mmproj": (files["mmproj.gguf"],),
            "lora": (files["adapter.gguf"],),
            "chat_template": (files["mine.jinja"],),
            "lora_scales": (1.0,),  # type: ignore[dict-item] - no file
        },
    )


def environment(locked: Path) -> str:
    lock = toml.load(locked)
    return environment_id(lock, current(), chosen(lock))


def printed(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """The CIDs that were printed, by name."""
    return {name: cid for cid, name in (line.split("  ") for line in done.stdout.splitlines())}


def test_models_are_at_kubo_and_the_lock_has_their_cids_and_no_other_change(
    eai: Eai, locked: Path, node: kubo.Node, tmp_path: Path
) -> None:
    before = locked.read_text()
    before_id = environment(locked)
    done = eai("preserve", "--to", "kubo", EAI_KUBO_API=node.api)
    assert done.returncode == 0, done.stderr
    assert "4 files preserved at kubo" in done.stderr

    cids = printed(done)
    assert cids.keys() == {f"all/{name}" for name in FILES}
    for name, data in FILES.items():
        cid = cids[f"all/{name}"]
        assert node.ipfs("cat", cid) == data
        assert cid in node.pinned()
        assert node.ipfs("add", "--only-hash", "--quieter", stdin=data).decode().strip() == cid

    changes = list(difflib.ndiff(before.splitlines(), locked.read_text().splitlines()))
    assert not [line for line in changes if line.startswith("- ")]
    added = [line.removeprefix("+ ").strip() for line in changes if line.startswith("+ ")]
    lines = [line for line in added if line.startswith('"')]
    assert sorted(lines) == sorted(f'"ipfs://{cid}",' for cid in cids.values())
    assert {line.partition("  #")[0] for line in added if line not in lines} == {"ipfs = [", "]"}
    assert environment(locked) == before_id

    after = locked.read_bytes()
    again = eai("preserve", "--to", "kubo", EAI_KUBO_API=node.api)
    assert again.returncode == 0
    assert again.stderr.count("kubo has it already; nothing is sent") == len(FILES)
    assert "sending" not in again.stderr
    assert locked.read_bytes() == after


def test_killed_in_the_middle_it_goes_on_where_it_was(
    eai: Eai, work: Path, tmp_path: Path, store: Store, hasty: kubo.Node
) -> None:
    data = random.Random(4).randbytes(64 * MIB)
    locked = lock(work, big={"weights": (adopt(store, tmp_path, "big.gguf", data),)})
    before = locked.read_bytes()
    processes: list[subprocess.Popen[bytes]] = []
    with relay(hasty.api, 40 * MIB, lambda: processes[0].kill()) as url:  # noqa: PLW0108 - it is not there yet
        processes.append(
            subprocess.Popen(
                [sys.executable, "-m", "zoo", "preserve", "--to", "kubo"],
                cwd=work,
                env={
                    **os.environ,
                    "PYTHONPATH": str(Path(zoo.__file__).parents[1]),
                    "EAI_HOME": str(tmp_path / "home"),
                    "EAI_KUBO_API": url,
                },
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        )
        assert processes[0].wait(60) == -9
    assert locked.read_bytes() == before

    done = eai("preserve", "--to", "kubo", EAI_KUBO_API=hasty.api)
    assert done.returncode == 0, done.stderr
    assert "of it is there" in done.stderr
    cid = printed(done)["big/big.gguf"]
    assert cid in hasty.pinned()
    assert hasty.ipfs("cat", cid) == data


def test_a_node_that_wants_a_password_is_given_it(
    eai: Eai, locked: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    repo = tmp_path_factory.mktemp("kubo") / "repo"
    who = {"me": {"AuthSecret": "basic:me:secret", "AllowedPaths": ["/api/v0"]}}
    kubo.make(repo, config={"API.Authorizations": who})
    with kubo.running(repo) as node:
        refused = eai("preserve", "--to", "kubo", EAI_KUBO_API=node.api)
        assert refused.returncode == 5
        assert "does not let us in (403)" in refused.stderr
        assert "EAI_KUBO_AUTH" in refused.stderr
        assert refused.stdout == ""
        done = eai("preserve", "--to", "kubo", EAI_KUBO_API=node.api, EAI_KUBO_AUTH="basic:me:secret")
        assert done.returncode == 0, done.stderr


def test_a_car_has_every_block_and_kubo_takes_it(eai: Eai, locked: Path, work: Path, node: kubo.Node) -> None:
    done = eai("preserve", "all", "--to", "car", "out.car", "--to", "kubo", "--json", EAI_KUBO_API=node.api)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["targets"], said["written"]) == (["out.car", "kubo"], True)
    with (work / "out.car").open("rb") as file:
        there = {str(block.cid) for block in cars.blocks(iter(lambda: file.read(MIB), b""))}
    assert {artifact["cid"] for artifact in said["artifacts"]} <= there
    node.ipfs("pin", "rm", *(artifact["cid"] for artifact in said["artifacts"]))
    node.ipfs("repo", "gc")
    node.ipfs("dag", "import", str(work / "out.car"))
    for artifact in said["artifacts"]:
        name = artifact["name"].removeprefix("all/")
        assert node.ipfs("cat", artifact["cid"]) == FILES[name]
    assert sorted(path.name for path in work.iterdir()) == ["out.car", "zoo.lock"]


def test_every_block_can_be_read_back(eai: Eai, locked: Path, node: kubo.Node) -> None:
    done = eai("preserve", "--to", "kubo", "--read-back", "all", EAI_KUBO_API=node.api)
    assert done.returncode == 0, done.stderr
    assert "all of its 7 blocks read back" in done.stderr


def test_a_node_that_is_not_there_is_an_error_with_a_hint(eai: Eai, locked: Path) -> None:
    done = eai("preserve", "--to", "kubo", EAI_KUBO_API="http://127.0.0.1:1")
    assert done.returncode == 5
    assert "no connection" in done.stderr
    assert "ipfs daemon" in done.stderr


def test_a_lock_that_is_not_canonical_is_refused_before_anything_is_done(eai: Eai, locked: Path) -> None:
    text = locked.read_text().replace("version = 1\n", "version   = 1\n", 1)
    locked.write_text(text)
    done = eai("preserve", "--to", "kubo", EAI_KUBO_API="http://127.0.0.1:1")
    assert done.returncode == 3
    assert "run `eai lock`" in done.stderr
    assert locked.read_text() == text


def test_an_object_that_rotted_never_gets_a_cid(eai: Eai, locked: Path, store: Store, work: Path) -> None:
    digest = toml.load(locked).model[0].weights[0].digest
    path, sidecar = store.object(digest), store.layout.sidecar(digest)
    known = Sidecar.read(sidecar)
    assert known is not None
    path.chmod(0o644)
    with path.open("r+b") as file:
        file.write(b"rot")
    # A disk that forgets leaves no trace in what `stat` says.
    Sidecar.of(path.stat(), known.blake3, now=0).write(sidecar)
    before = locked.read_bytes()
    done = eai("preserve", "--to", "car", "out.car")
    assert done.returncode == 4
    assert "become corrupt" in done.stderr
    assert locked.read_bytes() == before
    assert not (work / "out.car").exists()


def test_what_the_store_does_not_have_is_fetched_first(eai: Eai, locked: Path, store: Store) -> None:
    digest = toml.load(locked).model[0].weights[0].digest
    store.object(digest).unlink()
    done = eai("preserve", "--to", "car", "out.car")
    assert done.returncode == 1
    assert "all/m.gguf" in done.stderr
    assert "run `eai fetch`" in done.stderr


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--to", "kube"), 2, "there is no target 'kube'"),
        (("--to", "car"), 2, "--to car wants the name of a file"),
        (("al", "--to", "kubo"), 2, "did you mean all?"),
        (("--to", "lighthouse"), 5, "LIGHTHOUSE_API_KEY is not set"),
        (("--to", "pinning-service"), 1, "EAI_PINNING_ENDPOINT"),
        (("--to", "car", "nowhere/out.car"), 1, "there is no folder"),
        (("--max-retries", "-1", "--to", "kubo"), 2, "--max-retries"),
    ],
)
def test_a_wrong_command_says_what_would_be_right(
    eai: Eai, locked: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    done = eai("preserve", *words)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_key_that_is_missing_says_where_to_get_one(eai: Eai, locked: Path) -> None:
    assert "hint: make a key at https://" in eai("preserve", "--to", "lighthouse").stderr


def test_a_model_can_be_preserved_as_older_installations_read_it(
    eai: Eai, work: Path, tmp_path: Path, store: Store, node: kubo.Node
) -> None:
    shards = tuple(adopt(store, tmp_path, f"x-0000{at}-of-00002.gguf", FILES["m.gguf"]) for at in (1, 2))
    projector = adopt(store, tmp_path, "mmproj.gguf", FILES["mmproj.gguf"])
    locked = lock(work, eyes={"weights": shards[:1], "mmproj": (projector,)}, big={"weights": shards})
    before = locked.read_bytes()
    done = eai("preserve", "--format", "archive", "--to", "kubo", EAI_KUBO_API=node.api)
    assert done.returncode == 0, done.stderr
    assert locked.read_bytes() == before
    found = {}
    for name, cid in printed(done).items():
        archive = legacy.parse(node.ipfs("cat", cid))
        assert (archive.folder, archive.task, archive.part_mib) == (name, "chat", 512)
        stream = b"".join(node.ipfs("cat", str(part.cid)) for part in archive.parts)
        with tarfile.open(fileobj=gzip.GzipFile(fileobj=io.BytesIO(stream)), mode="r|") as tar:
            found |= {info.name: content.read() for info in tar if (content := tar.extractfile(info))}
    assert found == {
        "eyes/eyes": FILES["m.gguf"],
        "eyes/eyes-projector": FILES["mmproj.gguf"],
        "big/big/x-00001-of-00002.gguf": FILES["m.gguf"],
        "big/big/x-00002-of-00002.gguf": FILES["m.gguf"],
    }


def test_what_an_archive_has_no_place_for_is_said(eai: Eai, locked: Path) -> None:
    done = eai("preserve", "--format", "archive", "--to", "kubo")
    assert done.returncode == 1
    assert "no place for" in done.stderr
    assert "--format unixfs" in done.stderr

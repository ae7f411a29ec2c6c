"""The CIDs that the locks of a machine's projects name."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace
from support.fetching import artifact
from support.locked import model

from zoo.ipfs import cid as cids
from zoo.ipfs.cid import DAG_PB, RAW
from zoo.lock import toml
from zoo.lock.model import File, Lock
from zoo.share.named import named
from zoo.zoofile.model import Server


def test_every_cid_of_a_file_is_given_and_what_cannot_be_read_is_passed_over(tmp_path: Path) -> None:
    first, second = cids.of(b"made so", DAG_PB), cids.of(b"small", RAW)
    locked = replace(
        artifact(b"bytes"), ipfs=(f"ipfs://{first}", f"ipfs://{second}", f"ipfs://{second}/in-an-archive")
    )
    file = File(path="m.gguf", digest=locked.digest)
    for name in ("project", "conflicted"):
        (tmp_path / name).mkdir()
    whole = Lock(version=1, server=Server(), model=(model("m", file, main=True),), artifact=(locked,))
    toml.write(tmp_path / "project" / "zoo.lock", whole)
    (tmp_path / "conflicted" / "zoo.lock").write_text("<<<<<<< HEAD\n")
    projects = [tmp_path / name for name in ("gone", "conflicted", "project")]
    assert sorted(named(projects), key=str) == sorted(
        [(locked.digest, first), (locked.digest, second)], key=str
    )

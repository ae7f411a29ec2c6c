"""Adding CIDs to a lock: nothing else of it changes, and nothing that others did is lost."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from support.locked import lock, model

from zoo.digest import Digest
from zoo.errors import LockError
from zoo.ipfs import cid as cids
from zoo.lock import toml
from zoo.lock.model import File, Lock
from zoo.preserve import lines
from zoo.zoofile.model import Server

ONE, TWO = Digest.of_hex("11" * 32), Digest.of_hex("22" * 32)
CID = cids.of(b"one", cids.RAW)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    weights = (File(path="a.gguf", digest=ONE), File(path="b.gguf", digest=TWO))
    toml.write(tmp_path / "zoo.lock", lock(model("m", *weights, main=True)))
    return tmp_path / "zoo.lock"


def test_a_cid_becomes_a_source_of_its_artifact_and_of_no_other(path: Path) -> None:
    assert lines.add(path, {ONE: CID})
    assert lines.without(path, {ONE: CID}) == ()
    artifacts = toml.load(path).artifacts()
    assert artifacts[ONE].ipfs == (f"ipfs://{CID}",)
    assert artifacts[TWO].ipfs == ()


def test_adding_it_again_changes_nothing(path: Path) -> None:
    lines.add(path, {ONE: CID})
    before = path.stat()
    assert not lines.add(path, {ONE: CID})
    assert path.stat().st_mtime_ns == before.st_mtime_ns


def test_another_cid_of_the_same_bytes_stays_beside_it(path: Path) -> None:
    other = cids.of(b"another way to cut them", cids.DAG_PB)
    lines.add(path, {ONE: other})
    lines.add(path, {ONE: CID})
    assert toml.load(path).artifacts()[ONE].ipfs == tuple(sorted((f"ipfs://{CID}", f"ipfs://{other}")))


def test_what_others_changed_meanwhile_is_kept(path: Path) -> None:
    before, _ = lines.load(path)
    changed = msgspec.structs.replace(before, server=msgspec.structs.replace(before.server, port=9999))
    toml.write(path, changed)
    lines.add(path, {ONE: CID})
    after = toml.load(path)
    assert after.server.port == 9999
    assert after.artifacts()[ONE].ipfs == (f"ipfs://{CID}",)


def test_what_others_change_at_the_same_instant_is_kept(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, others = toml.write, iter((9001, 9002))

    def write(path: Path, lock: Lock, *, seen: bytes | None = None) -> bool:
        if port := next(others, None):
            real(path, msgspec.structs.replace(toml.load(path), server=Server(port=port)))
        return real(path, lock, seen=seen)

    monkeypatch.setattr(toml, "write", write)
    assert lines.add(path, {ONE: CID})
    after = toml.load(path)
    assert (after.server.port, after.artifacts()[ONE].ipfs) == (9002, (f"ipfs://{CID}",))


def test_an_artifact_that_is_gone_by_now_is_left_out(path: Path) -> None:
    before = path.read_bytes()
    assert not lines.add(path, {Digest.of_hex("33" * 32): CID})
    assert lines.without(path, {Digest.of_hex("33" * 32): CID, ONE: CID}) == (Digest.of_hex("33" * 32), ONE)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "spoil", [lambda text: text + "\n", lambda text: text.replace("version = 1", "version  = 1", 1)]
)
def test_a_lock_that_is_not_canonical_is_refused(path: Path, spoil: object) -> None:
    assert callable(spoil)
    path.write_text(spoil(path.read_text()))
    before = path.read_bytes()
    with pytest.raises(LockError, match="is not as eai writes it") as raised:
        lines.add(path, {ONE: CID})
    assert "run `eai lock`" in str(raised.value.hint)
    assert path.read_bytes() == before

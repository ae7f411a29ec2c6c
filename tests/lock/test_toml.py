"""Tests for reading and writing zoo.lock."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace as Make

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.errors import EaiError, LockError, NoSpace
from zoo.lock import toml
from zoo.lock.check import validate
from zoo.lock.model import Lock
from zoo.lock.render import canonical


@settings(max_examples=50)
@given(lock=st.from_type(Lock))
def test_what_is_written_is_read_again(lock: Lock) -> None:
    validate(lock)
    text = toml.dumps(lock)
    assert toml.loads(text) == canonical(lock)
    assert toml.dumps(toml.loads(text)) == text


@settings(max_examples=50)
@given(lock=st.from_type(Lock))
def test_windows_line_ends_change_nothing(lock: Lock) -> None:
    text = toml.dumps(lock)
    assert toml.loads(text.replace("\n", "\r\n")) == toml.loads(text)


def test_the_golden_lock_is_canonical(golden: str) -> None:
    lock = toml.loads(golden)
    validate(lock)
    assert toml.dumps(lock) == golden


@pytest.mark.parametrize("seed", ["0", "1", "2"])
def test_hash_seeds_change_no_byte(golden: str, seed: str) -> None:
    program = "import sys; from zoo.lock import toml; print(toml.dumps(toml.loads(sys.stdin.read())), end='')"
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=golden.encode(),
        env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        check=True,
    )
    assert done.stdout.decode() == golden


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "has no `version`"),
        ("version = true", "has no `version`"),
        ('version = "1"', "has no `version`"),
        ("version = 0", "has no `version`"),
        ("version = 2\nwhatever = 1", "has version 2, and this eai"),
        ("version = 1", "missing required field `server`"),
        ("version = 1\nserver = 3", "server: Expected `object`, got `int`"),
        ("version = 1\n[server]\nzap = 1", "server: Object contains unknown field `zap`"),
        ("version = 1\nversion = 2", "is no TOML"),
        ("version = 1\nx = " + "[" * 5000, "is nested too deeply"),
        ("version = 1\nx = " + "{a=" * 5000, "is nested too deeply"),
        ("version = 1\nx = " + "9" * 5000, "is no TOML"),
        ("<<<<<<< HEAD\nversion = 1\n", "has git conflict markers"),
        ("version = 1\n[server]\n[[artifact]]\ndigest = 1\nsize = 3", 'artifact "1": digest: Expected `str`'),
        ("version = 1\n[server]\n[[artifact]]\ndigest = 'sha256:AB'\nsize = 3", "is no digest"),
        ("version = 1\n[server]\n[[model]]\nname = 'qwen'", 'model "qwen": Object missing'),
    ],
)
def test_what_is_no_lock_is_refused_and_named(text: str, says: str) -> None:
    with pytest.raises(LockError) as caught:
        toml.loads(text, name="my.lock")
    assert says in caught.value.message
    assert caught.value.message.startswith("my.lock")
    assert caught.value.hint is not None
    assert caught.value.exit_code == 3


def test_a_later_version_says_that_nothing_was_changed(golden: str) -> None:
    with pytest.raises(LockError) as caught:
        toml.loads(golden.replace("version = 1", "version = 7", 1))
    assert "version 7" in caught.value.message
    assert "upgrade eai" in str(caught.value.hint)


def test_an_error_names_model_and_key(golden: str) -> None:
    with pytest.raises(LockError, match=r'zoo\.lock: model "big": settings\.parallel: Expected `int`'):
        toml.loads(golden.replace("parallel = 1", 'parallel = "1"', 1))


def test_a_lock_that_is_not_there_asks_for_eai_lock(tmp_path: Path) -> None:
    with pytest.raises(LockError, match="there is no") as caught:
        toml.load(tmp_path / "zoo.lock")
    assert "eai lock" in str(caught.value.hint)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "zoo.lock").write_bytes(b"version = 1\n\xff")
    with pytest.raises(LockError, match="byte 12 is wrong"):
        toml.load(tmp_path / "zoo.lock")


def test_loading_checks_the_lock_against_itself(tmp_path: Path, make: Make) -> None:
    broken = make.lock(make.model("qwen", 1, main=True), artifact=())
    (tmp_path / "zoo.lock").write_text(toml.dumps(broken), encoding="utf-8")
    with pytest.raises(LockError, match=r"has no \[\[artifact\]\]"):
        toml.load(tmp_path / "zoo.lock")


def test_equal_bytes_are_not_written_again(tmp_path: Path, make: Make) -> None:
    path = tmp_path / "zoo.lock"
    lock = make.lock(make.model("qwen", 1, main=True))
    assert toml.write(path, lock)
    before = path.stat()
    path.chmod(0o444)
    assert not toml.write(path, lock)
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert toml.load(path) == lock


def test_writing_keeps_the_mode_and_the_link(tmp_path: Path, make: Make) -> None:
    real, link = tmp_path / "real.lock", tmp_path / "zoo.lock"
    real.write_text("old", encoding="utf-8")
    real.chmod(0o640)
    link.symlink_to(real)
    assert toml.write(link, make.lock())
    assert link.is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert toml.load(link) == make.lock()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["real.lock", "zoo.lock"]


def test_a_new_lock_has_the_mode_of_any_new_file(tmp_path: Path, make: Make) -> None:
    other = tmp_path / "other"
    other.touch()
    toml.write(tmp_path / "zoo.lock", make.lock())
    assert (tmp_path / "zoo.lock").stat().st_mode == other.stat().st_mode


@pytest.mark.parametrize("now", [b"changed", None])
def test_a_lock_that_changed_under_us_is_not_overwritten(
    tmp_path: Path, make: Make, now: bytes | None
) -> None:
    path = tmp_path / "zoo.lock"
    if now is not None:
        path.write_bytes(now)
    with pytest.raises(LockError, match="was changed by something else"):
        toml.write(path, make.lock(), seen=b"what was decided on")
    assert (path.read_bytes() if now is not None else None) == now
    assert len(list(tmp_path.iterdir())) == (now is not None)


def test_a_folder_that_cannot_be_written_to_is_no_traceback(tmp_path: Path, make: Make) -> None:
    with pytest.raises(EaiError, match="cannot be written: No such file or directory"):
        toml.write(tmp_path / "gone" / "zoo.lock", make.lock())


def test_a_full_disk_leaves_what_was_there(
    tmp_path: Path, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    (tmp_path / "zoo.lock").write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(NoSpace, match="No space left"):
        toml.write(tmp_path / "zoo.lock", make.lock())
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("zoo.lock", b"old")]


def test_a_lock_that_could_not_be_read_again_is_not_written(tmp_path: Path, make: Make) -> None:
    with pytest.raises(LockError, match="no model is main"):
        toml.write(tmp_path / "zoo.lock", make.lock(make.model("qwen", 1)))
    assert not list(tmp_path.iterdir())

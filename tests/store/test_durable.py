"""Writing that survives a crash."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from zoo.errors import EaiError, NoSpace
from zoo.store import durable


def test_a_file_is_replaced_with_its_mode_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        durable.write(tmp_path / "f", b"one", mode=0o644)
        durable.write(tmp_path / "f", b"two", mode=0o444)
    finally:
        os.umask(before)
    assert (tmp_path / "f").read_bytes() == b"two"
    assert stat.S_IMODE((tmp_path / "f").stat().st_mode) == 0o444


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "f"
    target.mkdir()
    with pytest.raises(OSError, match="directory"):
        durable.write(target, b"one")
    assert list(tmp_path.iterdir()) == [target]


def test_a_link_is_turned_to_another_target(tmp_path: Path) -> None:
    durable.point(tmp_path / "link", "one")
    durable.point(tmp_path / "link", "two")
    assert str((tmp_path / "link").readlink()) == "two"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_link_that_cannot_be_turned_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "link").mkdir()
    with pytest.raises(OSError, match="directory"):
        durable.point(tmp_path / "link", "one")
    assert len(list(tmp_path.iterdir())) == 1


def test_read_only_folders_are_removed_too(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (inner / "f").write_bytes(b"x")
    inner.chmod(0o555)
    durable.remove_tree(tmp_path / "a")
    durable.remove_tree(tmp_path / "a")
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_an_error_of_its_own(tmp_path: Path, number: int) -> None:
    with pytest.raises(NoSpace, match="full"), durable.disk_errors(tmp_path):
        raise OSError(number, os.strerror(number))


def test_what_the_system_refuses_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(EaiError, match="gone") as caught, durable.disk_errors(tmp_path):
        (tmp_path / "gone").read_bytes()
    assert caught.value.hint is not None
    assert "EAI_HOME" in caught.value.hint

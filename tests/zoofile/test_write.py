"""A person's file is there whole, before and after."""

from __future__ import annotations

from pathlib import Path

import pytest

from zoo.errors import ZoofileError
from zoo.zoofile.write import create, replace


def test_content_is_replaced_and_the_mode_kept(tmp_path: Path) -> None:
    path = tmp_path / "zoofile.toml"
    path.write_text("old")
    path.chmod(0o640)

    replace(path, "new\r\né")

    assert path.read_bytes() == "new\r\né".encode()
    assert path.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    real, link = tmp_path / "elsewhere" / "real.toml", tmp_path / "zoofile.toml"
    real.parent.mkdir()
    real.write_text("old")
    link.symlink_to("elsewhere/real.toml")

    replace(link, "new")

    assert link.is_symlink()
    assert real.read_text() == "new"


def test_a_failure_leaves_the_old_content_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "zoofile.toml"
    folder.mkdir()

    with pytest.raises(ZoofileError, match="cannot write"):
        replace(folder, "new")

    assert list(tmp_path.iterdir()) == [folder]


def test_a_file_is_only_created_where_none_is(tmp_path: Path) -> None:
    path = tmp_path / "zoofile.toml"

    assert create(path, "first")
    assert not create(path, "second")
    assert path.read_text() == "first"
    with pytest.raises(ZoofileError, match="cannot write"):
        create(tmp_path / "no" / "folder", "text")

"""Files beside the zoofile."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from zoo.errors import NotThere, SizeMismatch, SourceChanged, SourceError
from zoo.sources.path import Local
from zoo.zoofile.model import Origin

DATA = bytes(range(256)) * 10


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "models" / "mine.gguf"
    path.parent.mkdir()
    path.write_bytes(DATA)
    return path


def test_a_file_is_found_relative_to_the_zoofile(tmp_path: Path, file: Path) -> None:
    (found,) = Local(tmp_path).find(Origin(path="models/mine.gguf"))
    assert (found.path, found.uri, found.size) == ("mine.gguf", "path:models/mine.gguf", len(DATA))
    assert found.digest is None


def test_a_path_may_climb(tmp_path: Path, file: Path) -> None:
    (tmp_path / "project").mkdir()
    (found,) = Local(tmp_path / "project").find(Origin(path="../models/mine.gguf"))
    assert found.size == len(DATA)


def test_a_range_is_read(tmp_path: Path, file: Path) -> None:
    with Local(tmp_path).open("path:models/mine.gguf", size=len(DATA)) as download:
        with download.read(3, 9) as body:
            assert (body.start, b"".join(body.chunks)) == (3, DATA[3:9])
        with download.read(0, None) as body:
            assert b"".join(body.chunks) == DATA


def test_a_missing_file_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NotThere, match="no file"):
        Local(tmp_path).find(Origin(path="gone.gguf"))


@pytest.mark.parametrize("path", ["/etc/passwd", "", "a\0b"])
def test_only_relative_paths_are_taken(tmp_path: Path, path: str) -> None:
    with pytest.raises(SourceError, match="relative"):
        Local(tmp_path).find(Origin(path=path))


def test_a_folder_or_a_pipe_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in (".", "pipe"):
        with pytest.raises(SourceError, match="is no file"):
            Local(tmp_path).find(Origin(path=name))


def test_another_size_than_locked_is_refused(tmp_path: Path, file: Path) -> None:
    local = Local(tmp_path)
    with pytest.raises(SizeMismatch, match="expected 7"), local.open("path:models/mine.gguf", size=7):
        pass


def test_a_file_that_changes_while_it_is_read_is_noticed(tmp_path: Path, file: Path) -> None:
    with (
        Local(tmp_path).open("path:models/mine.gguf", size=None) as download,
        download.read(0, None) as body,
    ):
        next(body.chunks)
        file.write_bytes(DATA[::-1] + b"more")
        with pytest.raises(SourceChanged):
            list(body.chunks)

"""Writing the archive that older installations read: one folder gives one set of parts, and they unpack."""

from __future__ import annotations

import errno
import gzip
import hashlib
import io
import os
import random
import tarfile
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from zoo.errors import EaiError, NoSpace, SourceChanged
from zoo.preserve.archive import Member, members, packed

MIB = 1 << 20
DATA = random.Random(5).randbytes(5 * MIB + 77)

Pack = Callable[..., dict[str, bytes]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "qwen"
    (folder / "qwen").mkdir(parents=True)
    (folder / "qwen" / "b.gguf").write_bytes(DATA)
    (folder / "qwen" / "a.gguf").write_bytes(b"")
    (folder / "qwen-projector").write_bytes(b"projector")
    (folder / "empty").mkdir()
    return folder


@pytest.fixture
def pack(tmp_path: Path) -> Pack:
    def pack(entries: tuple[Member, ...], *, threads: int = 4, size: int = 2 * MIB) -> dict[str, bytes]:
        with packed(entries, "qwen", part_size=size, threads=threads, scratch=tmp_path) as cut:
            parts = {}
            for part in cut:
                parts[part.name] = part.read(0, part.size)
                assert hashlib.sha256(parts[part.name]).hexdigest() == part.sha256.hex
            return parts

    return pack


def test_the_parts_together_are_one_gzip_of_one_tar(folder: Path, pack: Pack) -> None:
    parts = pack(members(folder))
    assert list(parts) == ["qwen.zip.part-aa", "qwen.zip.part-ab", "qwen.zip.part-ac"]
    assert [len(part) for part in parts.values()][:2] == [2 * MIB, 2 * MIB]
    with tarfile.open(fileobj=gzip.GzipFile(fileobj=io.BytesIO(b"".join(parts.values()))), mode="r|") as tar:
        found = {info.name: (tar.extractfile(info) or io.BytesIO()).read() for info in tar}
    assert list(found) == [
        "qwen",
        "qwen/empty",
        "qwen/qwen",
        "qwen/qwen-projector",
        "qwen/qwen/a.gguf",
        "qwen/qwen/b.gguf",
    ]
    assert found["qwen/qwen/b.gguf"] == DATA
    assert found["qwen/qwen-projector"] == b"projector"


def test_neither_threads_nor_times_nor_modes_change_a_part(folder: Path, pack: Pack) -> None:
    first = pack(members(folder), threads=1)
    os.utime(folder / "qwen-projector", (1, 1))
    (folder / "qwen-projector").chmod(0o600)
    assert pack(members(folder), threads=2) == first
    assert pack(members(folder), threads=16) == first


def test_a_link_is_refused_by_name(folder: Path) -> None:
    (folder / "link").symlink_to("qwen-projector")
    with pytest.raises(EaiError, match=r"link is no file and no folder"):
        members(folder)
    (folder / "link").unlink()
    (folder / "link").symlink_to("qwen")
    with pytest.raises(EaiError, match=r"link is no file and no folder"):
        members(folder)


def test_a_file_that_shrinks_meanwhile_is_an_error_and_not_a_wrong_archive(folder: Path, pack: Pack) -> None:
    entries = members(folder)
    (folder / "qwen" / "b.gguf").write_bytes(DATA[:100])
    with pytest.raises(SourceChanged, match=r"b\.gguf became shorter"):
        pack(entries)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (b"a\x1b[2J", "control characters"),
        (b"caf\xe9", "not UTF-8"),
        (b"a\\b", "lead out"),
        (b"/".join([b"d"] * 32), "too deep"),
    ],
)
def test_a_name_that_could_not_be_unpacked_again_is_refused(folder: Path, name: bytes, said: str) -> None:
    path = os.path.join(os.fsencode(folder), name)  # noqa: PTH118 - a path of bytes
    os.makedirs(path)  # noqa: PTH103 - as above
    with pytest.raises(EaiError, match=said):
        members(folder)


def test_a_file_that_is_gone_is_an_error_that_names_it(folder: Path, pack: Pack) -> None:
    entries = members(folder)
    (folder / "qwen" / "b.gguf").unlink()
    with pytest.raises(EaiError, match=r"b\.gguf cannot be read: No such file"):
        pack(entries)


def test_a_disk_that_becomes_full_ends_it_at_once(
    folder: Path, pack: Pack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever waits for a part is told; a buffer that cannot be written would keep the file from closing."""
    monkeypatch.setattr("tempfile.TemporaryFile", Full)
    with pytest.raises(NoSpace, match="parts are put there until they are sent"):
        pack(members(folder))


class Full(io.BytesIO):
    """A file on a disk with room for a megabyte."""

    def __init__(self, **_: object) -> None:
        super().__init__()

    def write(self, data: memoryview, /) -> int:  # type: ignore[override]  # nothing else is written
        if self.tell() + len(data) > MIB:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(data)


def test_a_folder_for_parts_that_is_not_there_is_said(folder: Path, tmp_path: Path) -> None:
    with (
        pytest.raises(EaiError, match="a temporary file cannot be written"),
        packed(members(folder), "qwen", part_size=MIB, threads=2, scratch=tmp_path / "nowhere") as cut,
    ):
        next(cut)


def test_who_stops_in_the_middle_leaves_no_thread_and_no_file(folder: Path, tmp_path: Path) -> None:
    before = threading.active_count()
    with packed(members(folder), "qwen", part_size=MIB // 4, threads=4, scratch=tmp_path) as cut:
        assert next(cut).size == MIB // 4
    assert threading.active_count() == before
    assert [path.name for path in tmp_path.iterdir()] == ["qwen"]

"""Zip archives of strangers: what comes out, and what is refused."""

from __future__ import annotations

import stat
import zipfile
from pathlib import Path

import pytest

from zoo.errors import EaiError, IntegrityError
from zoo.toolchains.unpack import Limits, unzip


def _archive(
    folder: Path, members: dict[str, bytes], *, mode: int = 0, method: int = zipfile.ZIP_DEFLATED
) -> Path:
    path = folder / "archive.zip"
    with zipfile.ZipFile(path, "w", method) as made:
        for name, content in members.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            info.compress_type = method
            made.writestr(info, content)
    return path


def _out(folder: Path) -> Path:
    out = folder / "out"
    out.mkdir()
    return out


def test_files_come_out_as_they_went_in(tmp_path: Path) -> None:
    out = _out(tmp_path)

    unzip(_archive(tmp_path, {"a/b.so": b"library", "c.py": b""}, mode=stat.S_IFREG | 0o4777), out)

    assert {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()} == {
        "a/b.so",
        "c.py",
    }
    assert (out / "a/b.so").read_bytes() == b"library"
    assert stat.S_IMODE((out / "a/b.so").stat().st_mode) == 0o755


@pytest.mark.parametrize("name", ["/etc/x", "../x", "a/../../x", "a//b", "C:/x", "a\\b", "a/./b", "a\nb"])
def test_a_name_that_is_not_clean_is_refused(tmp_path: Path, name: str) -> None:
    out = _out(tmp_path)
    with pytest.raises(EaiError):
        unzip(_archive(tmp_path, {name: b""}), out)

    assert list(out.iterdir()) == []


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK])
def test_a_link_or_a_device_is_refused(tmp_path: Path, kind: int) -> None:
    with pytest.raises(IntegrityError, match="link or a device"):
        unzip(_archive(tmp_path, {"a": b"/etc/passwd"}, mode=kind | 0o777), _out(tmp_path))


def test_two_names_that_are_one_elsewhere_are_refused(tmp_path: Path) -> None:
    with pytest.raises(EaiError, match="one name"):
        unzip(_archive(tmp_path, {"A": b"", "a": b""}), _out(tmp_path))


def test_a_bomb_is_refused_before_it_bursts(tmp_path: Path) -> None:
    out = _out(tmp_path)
    with pytest.raises(IntegrityError, match="would become 10000000 bytes"):
        unzip(_archive(tmp_path, {"a": bytes(10_000_000)}), out)

    assert list(out.iterdir()) == []


@pytest.mark.parametrize("limits", [Limits(files=1), Limits(size=3)])
def test_too_much_is_refused(tmp_path: Path, limits: Limits) -> None:
    with pytest.raises(IntegrityError):
        unzip(_archive(tmp_path, {"a": b"12", "b": b"34"}), _out(tmp_path), limits)


def test_a_member_that_lies_about_its_size_is_refused(tmp_path: Path) -> None:
    path = _archive(tmp_path, {"a": bytes(100)}, method=zipfile.ZIP_STORED)
    data = path.read_bytes()
    path.write_bytes(data.replace((100).to_bytes(4, "little"), (50).to_bytes(4, "little")))
    with pytest.raises(IntegrityError):
        unzip(path, _out(tmp_path))


def test_an_odd_packing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match="oddly packed"):
        unzip(_archive(tmp_path, {"a": b"1"}, method=zipfile.ZIP_BZIP2), _out(tmp_path))


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x05\x06" + bytes(10)])
def test_what_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "archive.zip"
    path.write_bytes(content)
    with pytest.raises(IntegrityError, match="no sound zip archive"):
        unzip(path, _out(tmp_path))

"""One folder of a source archive comes out, and nothing that is hostile."""

from __future__ import annotations

import gzip
import tarfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import tiny_project

from zoo.errors import EaiError, IntegrityError
from zoo.toolchains.tarball import members, untar
from zoo.toolchains.unpack import Limits

Member = tuple[tarfile.TarInfo, bytes]


def file(name: str, content: bytes = b"x") -> Member:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    return info, content


def special(name: str, kind: bytes, target: str = "") -> Member:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info, b""


@pytest.fixture
def target(tmp_path: Path) -> Path:
    (tmp_path / "inside" / "target").mkdir(parents=True)
    return tmp_path / "inside" / "target"


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    return tmp_path / "packed.tar.gz"


def every(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_one_folder_of_an_archive_is_unpacked(packed: Path, target: Path) -> None:
    tiny_project.write_tar(
        packed,
        [
            special("a-1.0", tarfile.DIRTYPE),
            file("a-1.0/README"),
            file("a-1.0/vendor/a/CMakeLists.txt", b"project(a)"),
            file("a-1.0/vendor/a/src/" + "long" * 40 + "/a.cpp", b"int main;"),
            file("a-1.0/vendor/ab/other"),
        ],
    )

    untar(packed, target, inside="a-1.0/vendor/a")

    long = f"src/{'long' * 40}/a.cpp"
    assert every(target) == {"CMakeLists.txt": b"project(a)", long: b"int main;"}
    assert ("a-1.0", "vendor", "ab", "other") in list(members(packed))


def test_an_archive_may_be_all_of_it(packed: Path, target: Path) -> None:
    tiny_project.write_tar(packed, [file("CMakeLists.txt")])

    untar(packed, target)

    assert every(target) == {"CMakeLists.txt": b"x"}


HOSTILE: dict[str, list[Member]] = {
    "climbs": [file("a/../../../escaped")],
    "climbs from its folder": [file("../escaped")],
    "is absolute": [file("/escaped")],
    "links out": [special("a/link", tarfile.SYMTYPE, "../../.."), file("a/link/escaped")],
    "links absolutely": [special("a/link", tarfile.SYMTYPE, "/etc/passwd")],
    "links hard": [special("a/link", tarfile.LNKTYPE, "/etc/passwd")],
    "is a device": [special("a/zero", tarfile.CHRTYPE)],
    "is a pipe": [special("a/pipe", tarfile.FIFOTYPE)],
    "comes twice": [file("a/x"), file("a/x", b"y")],
    "is a file and a folder": [file("a/x"), file("a/x/y")],
    "is a folder and a file": [file("a/x/y"), file("a/x")],
    "differs by case": [file("a/x"), file("a/X")],
    "is odd": [file("a/x\x1by")],
}


@pytest.mark.parametrize("members", HOSTILE.values(), ids=HOSTILE.keys())
def test_an_archive_of_which_a_member_is_refused(packed: Path, target: Path, members: list[Member]) -> None:
    tiny_project.write_tar(packed, members)

    with pytest.raises(EaiError):
        untar(packed, target, inside="a")

    outside = {path.name for path in target.parents[1].rglob("*") if target not in path.parents}
    assert outside == {"packed.tar.gz", "inside", "target"}
    assert not any(path.is_symlink() for path in target.rglob("*"))


def test_a_bomb_is_stopped(packed: Path, target: Path) -> None:
    tiny_project.write_tar(packed, [file("a/zeros", bytes(1 << 20))])

    for limits in (Limits(free=1 << 16), Limits(size=1 << 16)):
        with pytest.raises(IntegrityError, match="larger than an archive"):
            untar(packed, target, inside="a", limits=limits)
        for path in target.iterdir():
            assert path.stat().st_size < 1 << 20
            path.unlink()


def test_a_damaged_archive_is_told_from_a_sound_one(packed: Path, target: Path) -> None:
    tiny_project.write_tar(packed, [file("a/x", bytes(5000))])
    sound = packed.read_bytes()

    for damaged in (sound[: len(sound) // 2], b"not gzip", gzip.compress(b"no tar" * 200), b""):
        packed.write_bytes(damaged)
        with pytest.raises(IntegrityError):
            untar(packed, target, inside="a")


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_no_damage_makes_it_write_elsewhere_or_crash(data: st.DataObject, tmp_path: Path) -> None:
    packed, target = tmp_path / "p.tar.gz", tmp_path / "t"
    tiny_project.write_tar(packed, [file("a/x", b"abc"), file("a/b/y", b"def")])
    tar = bytearray(gzip.decompress(packed.read_bytes()))
    for _ in range(data.draw(st.integers(1, 5))):
        tar[data.draw(st.integers(0, 2048 - 1))] = data.draw(st.integers(0, 255))
    packed.write_bytes(gzip.compress(bytes(tar), 1))
    target.mkdir(exist_ok=True)

    try:
        untar(packed, target, inside="a")
    except EaiError:
        pass
    else:
        assert target.is_dir()
    finally:
        assert {path.name for path in tmp_path.iterdir()} == {"p.tar.gz", "t"}
        for path in sorted(target.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()

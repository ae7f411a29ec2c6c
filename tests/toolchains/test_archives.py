"""What the archives of a build hold is laid out in one folder, and nothing outside it."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from support.official import LINKS, tar, unix, zipped

from zoo.errors import EaiError, IntegrityError
from zoo.store import Store
from zoo.toolchains.archives import unpack
from zoo.toolchains.unpack import Limits


def _unpack(
    folder: Path, *archives: bytes, program: str = "llama-server", limits: Limits | None = None
) -> Path:
    """Unpack as the store does: into a tree, of which nothing stays if it is refused."""
    folder.mkdir(exist_ok=True)
    paths: list[Path] = []
    for number, content in enumerate(archives):
        paths.append(folder / f"archive-{number}")
        paths[-1].write_bytes(content)
    store = Store(folder / "store")
    try:
        return store.add_tree("tree", lambda out: unpack(paths, out, program=program, limits=limits))
    except BaseException:
        assert store.tree("tree") is None
        assert list(store.layout.ingest.iterdir()) == []
        assert not list(folder.parent.rglob("escaped*"))
        raise


def _files(tree: Path) -> dict[str, bytes]:
    found = {
        path.relative_to(tree).as_posix(): path.read_bytes() for path in tree.rglob("*") if path.is_file()
    }
    return {name: content for name, content in found.items() if not name.startswith(".eai")}


def _member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", content: bytes = b"x") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as made:
        good = tarfile.TarInfo("top/llama-server")
        made.addfile(good)
        info = tarfile.TarInfo(name)
        info.type, info.linkname = kind, link
        info.size = len(content) if kind == tarfile.REGTYPE else 0
        made.addfile(info, io.BytesIO(content))
    return out.getvalue()


def test_an_official_tar_comes_without_its_folder_and_with_its_links(tmp_path: Path) -> None:
    tree = _unpack(tmp_path, unix("b1", b"#!server", "a library"))

    assert _files(tree) == {
        "llama-server": b"#!server",
        "LICENSE": b"MIT License",
        **dict.fromkeys(("libllama.so", "libllama.so.0", "libllama.so.0.6.0"), b"a library"),
    }
    assert {name: str((tree / name).readlink()) for name in LINKS} == LINKS
    assert os.access(tree / "llama-server", os.X_OK)


def test_a_flat_zip_has_its_modes(tmp_path: Path) -> None:
    tree = _unpack(tmp_path, zipped({"sd-server": b"#!", "sd-cli": b"#!"}), program="sd-server")

    assert os.access(tree / "sd-server", os.X_OK)
    assert not os.access(_unpack(tmp_path / "b", zipped({"x": b""}, mode=0o644)) / "x", os.X_OK)


def test_the_libraries_of_cuda_come_beside_the_program(tmp_path: Path) -> None:
    main = tar({"llama-server": b"#!"}, top="llama-b1")
    tree = _unpack(tmp_path, main, tar({"libcudart.so.13": b"cuda"}, top="cudart-llama-b1"))

    assert _files(tree) == {"llama-server": b"#!", "libcudart.so.13": b"cuda"}


@pytest.mark.parametrize("pack", [zipped, tar])
def test_a_folder_that_the_program_is_in_stays(tmp_path: Path, pack: Callable[..., bytes]) -> None:
    tree = _unpack(tmp_path, pack({"xllamacpp/__init__.py": b"pass"}), program="xllamacpp")

    assert _files(tree) == {"xllamacpp/__init__.py": b"pass"}


def test_two_archives_with_one_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match="two archives of the build hold a file a"):
        _unpack(tmp_path, tar({"a": b"1", "b": b"2"}), tar({"a": b"3", "c": b"4"}))


@pytest.mark.parametrize(
    ("member", "says"),
    [
        (_member("../escaped"), r"\.\."),
        (_member("top/../../escaped"), r"\.\."),
        (_member("/tmp/escaped"), "absolute path"),
        (_member("top/a\nb"), "control characters"),
        (_member("top/escaped", tarfile.LNKTYPE, "/etc/passwd"), "neither a file nor a folder"),
        (_member("top/escaped", tarfile.LNKTYPE, "top/llama-server"), "neither a file nor a folder"),
        (_member("top/device", tarfile.CHRTYPE), "neither a file nor a folder"),
        (_member("top/pipe", tarfile.FIFOTYPE), "neither a file nor a folder"),
        (_member("top/LLAMA-SERVER"), "one name to some file systems"),
        (_member("top/llama-server"), "twice"),
        (_member("top/llama-server/x"), "a file and a folder"),
        (_member("top/escaped", tarfile.SYMTYPE, "/etc/passwd"), "links out of it, to '/etc/passwd'"),
        (_member("top/escaped", tarfile.SYMTYPE, "../../../etc/passwd"), "links out of it"),
        (_member("top/escaped", tarfile.SYMTYPE, "../llama-server"), "links out of it"),
        (_member("top/a/escaped", tarfile.SYMTYPE, "../.."), "links out of it"),
        (_member("top/a", tarfile.SYMTYPE, "."), "which is no file of it"),
        (_member("top/a", tarfile.SYMTYPE, "a"), "there is no such file"),
        # As in the releases b9165 to b9169 of llama.cpp.
        (_member("top/libggml.so", tarfile.SYMTYPE, "llama-b9165ibggml.so.0"), "there is no such file"),
    ],
)
def test_a_hostile_tar_is_refused_and_nothing_stays(tmp_path: Path, member: bytes, says: str) -> None:
    with pytest.raises(EaiError, match=says):
        _unpack(tmp_path, member)


def test_a_link_is_never_written_through(tmp_path: Path) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as made:
        link = tarfile.TarInfo("folder")
        link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path)
        made.addfile(link)
        inner = tarfile.TarInfo("folder/escaped")
        inner.size = 1
        made.addfile(inner, io.BytesIO(b"x"))

    with pytest.raises(EaiError, match="can't be a file and the folder of"):
        _unpack(tmp_path / "work", out.getvalue())


@pytest.mark.parametrize("name", ["../escaped", "/tmp/escaped", "a/../../escaped", "C:\\escaped"])
def test_a_hostile_zip_is_refused_and_nothing_stays(tmp_path: Path, name: str) -> None:
    with pytest.raises(EaiError):
        _unpack(tmp_path, zipped({"llama-server": b"", name: b"x"}))


def test_a_bomb_is_refused_before_it_bursts(tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match="larger than an archive of its size may"):
        _unpack(tmp_path, tar({"a": bytes(40 << 20)}))


def test_too_much_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match="larger than"):
        _unpack(tmp_path, tar({"a": os.urandom(1 << 20)}), limits=Limits(size=1 << 19))


@pytest.mark.parametrize(
    "content",
    [
        gzip.compress(b"no tar"),
        unix("b1", b"#!", "x")[:-9],
        unix("b1", b"#!", "x")[:-8] + bytes(8),
        b"\x1f\x8bnonsense",
        b"neither",
        b"",
    ],
    ids=["no tar", "cut", "wrong checksum", "no gzip", "neither", "empty"],
)
def test_what_is_no_sound_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(IntegrityError):
        _unpack(tmp_path, content)


def test_long_names_and_links_come_out_whole(tmp_path: Path) -> None:
    name = "l" * 150
    out = _unpack(
        tmp_path, tar({name: b"1", "llama-server": b""}, top="t", links={"short": name, "m" * 150: name})
    )

    assert (out / "short").read_bytes() == (out / ("m" * 150)).read_bytes() == b"1"

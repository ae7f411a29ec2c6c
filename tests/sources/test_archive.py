"""Preserved models as they come: what is in them, and what must never come out of them."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from support.gateway import tarred

from zoo.digest import Digest
from zoo.errors import EaiError, IntegrityError, Malformed
from zoo.ipfs import cid as cids
from zoo.ipfs.cid import RAW
from zoo.ipfs.legacy import Archive, Part
from zoo.sources import archive as archives
from zoo.sources import tarstream
from zoo.sources.base import Body

MODEL = os.urandom(300_000)


class Opened:
    """A part in memory."""

    def __init__(self, data: bytes) -> None:
        self.size: int | None = len(data)
        self.validator: str | None = None
        self._data = data

    @contextmanager
    def read(self, start: int, stop: int | None) -> Iterator[Body]:
        yield Body(0, (self._data[at : at + 1000] for at in range(0, len(self._data), 1000)))


def unpacked(
    stream: bytes, *, parts: int = 3, lora: bool = False, flipped: bool = False
) -> dict[str, tuple[str, str, bytes]]:
    """Give what comes out of a stream that is cut into parts: by its place, its name, part and bytes."""
    step = -(-len(stream) // parts) or 1
    cut = [stream[at : at + step] for at in range(0, len(stream), step)]
    held = {f"m.zip.part-a{'abcdef'[at]}": data for at, data in enumerate(cut)}
    listed = tuple(
        Part(name, cids.of(data, RAW), Digest.of_hex(hashlib.sha256(data).hexdigest()), len(data))
        for name, data in held.items()
    )
    if flipped:
        held["m.zip.part-aa"] = bytes([held["m.zip.part-aa"][0], *held["m.zip.part-aa"][1:-1], 0])

    @contextmanager
    def opened(part: Part) -> Iterator[Opened]:
        yield Opened(held[part.name])

    archive = Archive(folder="m", parts=listed, lora=lora)
    return {
        each.inside: (each.path, each.part, b"".join(each.chunks))
        for each in archives.members(archive, opened)
    }


def spares(files: dict[str, bytes]) -> dict[str, bool]:
    """Say of each file that comes out of an archive whether it is spare."""
    data = gzip.compress(tarred(files))
    whole = Part(
        "m.zip.part-aa", cids.of(data, RAW), Digest.of_hex(hashlib.sha256(data).hexdigest()), len(data)
    )

    @contextmanager
    def opened(_: Part) -> Iterator[Opened]:
        yield Opened(data)

    members = archives.members(Archive(folder="m", parts=(whole,)), opened)
    return {each.inside: each.spare for each in members}


def test_the_model_and_its_projector_are_found_wherever_the_folder_lies() -> None:
    for prefix in ("", "./", "models/x/", "home/u/"):
        members = {f"{prefix}m/m": MODEL, f"{prefix}m/m-projector": b"eyes", f"{prefix}m/notes": b"x"}
        assert unpacked(gzip.compress(tarred(members), 1)) == {
            "m": ("m.gguf", "weights", MODEL),
            "m-projector": ("mmproj-m.gguf", "mmproj", b"eyes"),
        }


def test_shards_and_files_by_their_own_names_are_found() -> None:
    members = {
        "m/m/x-00001-of-00002.gguf": b"1",
        "m/m/x-00002-of-00002.gguf": b"2",
        "m/m/._x.gguf": b"macOS",
        "m/m/deep/y.GGUF": b"3",
        "m/z.gguf": b"4",
        "m/other/z.gguf": b"5",
        "elsewhere/z.gguf": b"6",
    }
    assert unpacked(gzip.compress(tarred(members))) == {
        "m/x-00001-of-00002.gguf": ("x-00001-of-00002.gguf", "weights", b"1"),
        "m/x-00002-of-00002.gguf": ("x-00002-of-00002.gguf", "weights", b"2"),
        "m/deep/y.GGUF": ("deep/y.GGUF", "weights", b"3"),
        "z.gguf": ("z.gguf", "weights", b"4"),
    }


@pytest.mark.parametrize(
    "names",
    [
        ("m/m", "m/m"),
        ("m/m", "x/m/m"),
        ("m/m/a.gguf", "m/m/A.gguf"),
        ("m/m", "m/m/m.gguf"),
        ("m/a.gguf",) * 2,
    ],
)
def test_two_files_in_one_place_are_refused(names: tuple[str, str]) -> None:
    """Unpacked, the second would take the place of the first; read as a stream, the first is found."""
    first, second = (tarred({name: name.encode()}) for name in names)
    with pytest.raises(Malformed, match="twice"):
        unpacked(gzip.compress(first[:1024] + second))


def test_files_beside_the_place_of_the_model_are_spare() -> None:
    members = {"m/x.gguf": b"1", "m/m": b"2", "m/m.gguf": b"3", "m/m-projector": b"4"}
    assert spares(members) == {"x.gguf": True, "m": False, "m.gguf": True, "m-projector": False}


def test_an_adapter_is_told_to_be_one() -> None:
    members = {"m/m/metadata.json": b"{}", "m/m/adapter.gguf": b"a"}
    assert unpacked(gzip.compress(tarred(members)), lora=True) == {
        "m/adapter.gguf": ("adapter.gguf", "lora", b"a")
    }


def test_several_gzip_members_are_one_stream() -> None:
    tar = tarred({"m/m": MODEL})
    stream = b"".join(gzip.compress(tar[at : at + 70_000]) for at in range(0, len(tar), 70_000))
    assert unpacked(stream)["m"][2] == MODEL


def test_tars_of_every_format_are_read() -> None:
    long = "d" * 90
    for form in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", format=form) as tar:
            for name in (f"{long}/{long[:50]}/m/m", "m/m-projector"):
                info = tarfile.TarInfo(name)
                info.size = 5
                if form == tarfile.PAX_FORMAT:
                    info.pax_headers = {"LIBARCHIVE.xattr.x": "y" * 5000}
                tar.addfile(info, io.BytesIO(b"bytes"))
            folder = tarfile.TarInfo("m/folder")
            folder.type = tarfile.DIRTYPE
            tar.addfile(folder)
        assert set(unpacked(gzip.compress(buffer.getvalue()))) == {"m", "m-projector"}


def odd(kind: bytes = tarfile.REGTYPE, name: str = "m/m", **more: object) -> bytes:
    """Make a tar of one member that is out of the ordinary."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as tar:
        info = tarfile.TarInfo(name)
        info.type = kind
        for key, value in more.items():
            setattr(info, key, value)
        tar.addfile(info)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("tar", "said"),
    [
        (odd(tarfile.SYMTYPE, linkname="/etc/passwd"), "neither a file nor a folder"),
        (odd(tarfile.LNKTYPE, linkname="x"), "neither a file nor a folder"),
        (odd(tarfile.CHRTYPE), "neither a file nor a folder"),
        (odd(tarfile.FIFOTYPE), "neither a file nor a folder"),
        (odd(tarfile.GNUTYPE_SPARSE), "neither a file nor a folder"),
        (odd(name="m/../../m"), "would lead out"),
        (odd(name="m/a\x07"), "control characters"),
        (odd(name="/".join(["m"] * 40)), "nests"),
        (odd(tarfile.XHDTYPE, size=10 << 20), "a header of"),
        (odd(tarfile.GNUTYPE_LONGNAME, size=10 << 20), "a header of"),
        (odd(size=1 << 40), "ends before it should"),
        (tarred({"m/m": b"x"})[:700], "ends before it should"),
        (b"no tar at all" * 100, "no tar"),
        (b"", "ends before it should"),
    ],
)
def test_what_no_honest_archive_holds_is_refused(tar: bytes, said: str) -> None:
    with pytest.raises(Malformed, match=said):
        unpacked(gzip.compress(tar))


def extended(records: bytes) -> bytes:
    """Make an extended header, with no member behind it."""
    info = tarfile.TarInfo("pax")
    info.type, info.size = tarfile.XHDTYPE, len(records)
    return info.tobuf(tarfile.GNU_FORMAT) + records + bytes(-len(records) % 512)


@pytest.mark.parametrize(
    "records",
    [b"nonsense", b"9999 a=b\n", b"5 a=b", b"25 GNU.sparse.major=1000\n", b"13 size=4x4\n", b"0 a=b\n"],
)
def test_extended_headers_are_read_strictly(records: bytes) -> None:
    with pytest.raises(Malformed):
        unpacked(gzip.compress(extended(records)))


def test_an_extended_header_takes_time_by_its_length_alone() -> None:
    """A header of a million bytes takes four times as long as one of a quarter of that, and not sixteen."""

    def seconds(records: int) -> float:
        tar = b"".join(extended(b"6 a=b\n" * records) for _ in range(3)) + tarred({"m/m": b"x"})
        begun = time.process_time()
        for _ in tarstream.entries(io.BytesIO(tar)):
            pass
        return time.process_time() - begun

    short, long = (min(seconds(records) for _ in range(3)) for records in (40_000, 160_000))
    assert long < 10 * short


def test_no_more_members_come_than_a_model_can_have(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tarstream, "MEMBERS_MAX", 10)
    with pytest.raises(Malformed, match="more than 10"):
        unpacked(gzip.compress(tarred({f"m/{at}": b"" for at in range(11)})))


def test_a_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "FREE", 1 << 20)
    with pytest.raises(Malformed, match="unpacks to more than"):
        unpacked(gzip.compress(tarred({"m/m": bytes(50 << 20)})))


@pytest.mark.parametrize("cut", [1, 20, 1000, 100_000])
def test_a_stream_that_is_cut_or_no_gzip_is_refused(cut: int) -> None:
    whole = gzip.compress(tarred({"m/m": MODEL}))
    for stream in (whole[:-cut], whole[cut:]):
        with pytest.raises(EaiError):
            unpacked(stream)


def test_a_part_that_is_not_what_the_metadata_says_is_refused() -> None:
    with pytest.raises((IntegrityError, Malformed)):
        unpacked(gzip.compress(tarred({"m/m": MODEL})), flipped=True)

"""The legacy archive read as it comes: parts → one gzip stream → one tar → the files of a model.

Nothing is kept on the way. Each block is checked by its CID, each part by the hash in the metadata too.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

from zoo.errors import IntegrityError, Malformed
from zoo.ipfs import names
from zoo.ipfs.legacy import PROJECTOR_SUFFIX, Archive
from zoo.ipfs.legacy import Part as ArchivePart
from zoo.sources import tarstream
from zoo.sources.base import Download, Part
from zoo.sources.tarstream import Entry

FREE = 64 << 20
RATIO = 32
"""After the free ones, so many bytes may be unpacked from each that was packed: weights hardly shrink."""
_GGUF = ".gguf"
_CHUNK = 1 << 20

OpenPart = Callable[[ArchivePart], AbstractContextManager[Download]]
"""Opens a part of an archive at its gateways."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpacked:
    """A file of a model.

    Attributes:
        inside: Its path below the archive's folder, which tells it from the others.
        path: Its name as an engine should see it.
        part: What it is of the model.
        spare: Whether it lies beside the place of the model, and counts only where nothing is there.
        size: In bytes.
        chunks: Its bytes, while it is the newest.
    """

    inside: str
    path: str
    part: Part
    spare: bool
    size: int
    chunks: Iterator[bytes]


def members(archive: Archive, opened: OpenPart) -> Generator[Unpacked]:
    """Give the files of a model as they come; all else in the archive is passed over.

    Raises:
        IntegrityError: A part is not the one that the metadata names.
        Malformed: It is no archive of that kind, or breaks a limit.
        SourceError: A part cannot be had.
    """
    packed = _Joined(_parts(archive, opened))
    plain = _Plain(packed)
    seen: set[tuple[bool, str]] = set()
    for entry in tarstream.entries(plain):
        known = _known(archive, entry)
        if known is None:
            continue
        place = (known.spare, names.folded(known.path))
        if place in seen:
            raise Malformed(f"an archive holds {known.inside!a} twice")
        seen.add(place)
        yield known
    # What follows is padding, but the last checksums stand behind it.
    while plain.read(_CHUNK):
        pass


def _known(archive: Archive, entry: Entry) -> Unpacked | None:
    """Say what an entry is of the model, by where it lies; see `zoo.ipfs.legacy`."""
    folder = archive.folder
    if folder not in entry.path[:-1]:
        return None
    inside = entry.path[entry.path.index(folder) + 1 :]
    weights: Part = "lora" if archive.lora else "weights"
    if inside == (folder,):
        return _unpacked(inside, folder + _GGUF, weights, entry)
    if inside == (folder + PROJECTOR_SUFFIX,):
        return _unpacked(inside, f"mmproj-{folder}{_GGUF}", "mmproj", entry)
    if inside[-1].startswith(".") or not inside[-1].lower().endswith(_GGUF):
        return None
    if inside[0] == folder:
        return _unpacked(inside, "/".join(inside[1:]), weights, entry)
    return _unpacked(inside, inside[0], weights, entry, spare=True) if len(inside) == 1 else None


def _unpacked(
    inside: tuple[str, ...], path: str, part: Part, entry: Entry, *, spare: bool = False
) -> Unpacked:
    place = "/".join(inside)
    return Unpacked(inside=place, path=path, part=part, spare=spare, size=entry.size, chunks=entry.chunks)


def _parts(archive: Archive, opened: OpenPart) -> Iterator[bytes]:
    for part in archive.parts:
        hasher = hashlib.sha256()
        try:
            with opened(part) as download, download.read(0, None) as body:
                for chunk in body.chunks:
                    hasher.update(chunk)
                    yield chunk
        except Malformed as error:
            raise Malformed(f"{part.name} ({part.cid}): {error.message}", hint=error.hint) from None
        if hasher.hexdigest() != part.sha256.hex:
            raise IntegrityError(
                f"{part.name} ({part.cid}) is not what the archive's own metadata says of it"
            )


class _Joined(io.RawIOBase):
    """Chunks as a file."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks, self._rest = chunks, memoryview(b"")
        self.taken = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # any buffer will do
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = memoryview(chunk)
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        self.taken += count
        return count


class _Plain:
    """What was packed; never far more than it was packed in."""

    def __init__(self, packed: _Joined) -> None:
        self._packed = packed
        # Several gzip members after each other are one stream, as some multi-threaded packers write.
        self._gzip = gzip.GzipFile(fileobj=io.BufferedReader(packed, _CHUNK), mode="rb")
        self._given = 0

    def read(self, size: int, /) -> bytes:
        try:
            data = self._gzip.read(size)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise Malformed(f"an archive cannot be unpacked: {error}") from None
        self._given += len(data)
        if self._given > FREE + RATIO * self._packed.taken:
            raise Malformed(
                f"an archive unpacks to more than {RATIO} times its size, which no model's weights do"
            )
        return data

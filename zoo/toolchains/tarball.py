"""Unpacks a gzipped tar that somebody else made: files, links among them, nothing odd, nothing huge."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Mapping
from pathlib import Path

from zoo.errors import IntegrityError, Malformed
from zoo.sources import tarstream
from zoo.store.names import clean, distinct
from zoo.toolchains.unpack import Limits

_PIECE = 1 << 20
_FREE = 1 << 20  # bytes that any archive may become: a tar pads its few files to many blocks of zeros


def untar(archive: Path, folder: Path, limits: Limits | None = None) -> Mapping[str, str]:
    """Unpack the files of an archive into a folder, which is there and empty.

    Links are not made, since where they lead is only known when all is laid out. Permission bits are not
    taken over, but for the owner's right to execute.

    Returns:
        What each symbolic link says, by its path; nothing of it has been checked.

    Raises:
        IntegrityError: It is no gzipped tar, is damaged, or holds what it must not: absolute paths, paths
            that climb, hard links, devices, two files of one name, or far too much.
        EaiError: A name in it is not clean, or two are one.
    """
    bounds = limits or Limits()
    names: list[str] = []
    links: dict[str, str] = {}
    try:
        with gzip.open(archive, "rb") as plain:
            most = min(bounds.size, max(_FREE, archive.stat().st_size * bounds.ratio))
            bounded = Bounded(plain, most)
            for entry in tarstream.entries(bounded, absolute=False, links=True):
                names.append(clean("/".join(entry.path)))
                if entry.link is None:
                    _write(entry, folder / names[-1])
                else:
                    links[names[-1]] = entry.link
            bounded.drain()
    except (Malformed, EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise IntegrityError(f"{archive} is no archive that can be unpacked: {error}") from None
    distinct(names)
    return links


def _write(entry: tarstream.Entry, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as out:
            for chunk in entry.chunks:
                out.write(chunk)
    except (FileExistsError, NotADirectoryError, IsADirectoryError):
        raise Malformed(f"it holds {'/'.join(entry.path)!a} twice, or as a file and a folder") from None
    target.chmod(0o755 if entry.executable else 0o644)


class Bounded:
    """A gzip stream that never gives more than so many bytes.

    Args:
        plain: The stream.
        most: How many bytes.
    """

    def __init__(self, plain: gzip.GzipFile, most: int) -> None:
        self._plain, self._left = plain, most

    def read(self, size: int, /) -> bytes:
        """Read so many bytes; fewer only at the end."""
        data = self._plain.read(min(size, self._left + 1))
        self._left -= len(data)
        if self._left < 0:
            raise Malformed("it would become larger than an archive of its size may")
        return data

    def drain(self) -> None:
        """Read what follows the last member: it is padding, but the checksum stands behind it."""
        while self.read(_PIECE):
            pass

"""Unpacks a gzipped tar that somebody else made: files, links where they are wanted, nothing odd or huge."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from zoo.errors import IntegrityError, Malformed
from zoo.sources import tarstream
from zoo.store.names import clean, distinct
from zoo.toolchains.unpack import Limits

_PIECE = 1 << 20


def untar(
    archive: Path, folder: Path, *, inside: str = "", links: bool = False, limits: Limits | None = None
) -> Mapping[str, str]:
    """Unpack an archive, or one folder of it, into a folder, which is there and empty.

    All of the archive is read and checked; what is not below `inside` is passed over. Links are not made,
    since where they lead is only known when all is laid out. Neither times nor permission bits are taken
    over, but for the owner's right to execute.

    Args:
        archive: Path of the archive; its name says nothing.
        folder: Where everything goes.
        inside: The folder of the archive that is wanted; all of it if empty.
        links: Whether symbolic links may be in it.
        limits: What the archive may become.

    Returns:
        What each symbolic link says, by its path; nothing of it has been checked.

    Raises:
        IntegrityError: It is no gzipped tar, is damaged, holds nothing at `inside`, or what it must not:
            absolute paths, paths that climb, hard links, devices, two files of one name, or far too much.
        EaiError: A name in it is not clean, or two are one.
    """
    wanted = tuple(part for part in inside.split("/") if part)
    names: list[str] = []
    found: dict[str, str] = {}
    with _opened(archive, links=links, limits=limits) as entries:
        for entry in entries:
            if entry.path[: len(wanted)] != wanted or len(entry.path) == len(wanted):
                continue
            names.append(clean("/".join(entry.path[len(wanted) :])))
            if entry.link is None:
                _write(entry, folder / names[-1])
            else:
                found[names[-1]] = entry.link
    distinct(names)
    if wanted and not names:
        raise IntegrityError(f"the archive {archive.name} holds no folder {inside}")
    return found


def members(archive: Path, limits: Limits | None = None) -> Iterator[tuple[str, ...]]:
    """Give the path of every file in an archive without links, under the same rules.

    Raises:
        IntegrityError: As by `untar`.
    """
    with _opened(archive, links=False, limits=limits) as entries:
        for entry in entries:
            yield entry.path


@contextmanager
def _opened(archive: Path, *, links: bool, limits: Limits | None) -> Iterator[Iterator[tarstream.Entry]]:
    bounds = limits or Limits()
    try:
        with gzip.open(archive, "rb") as plain:
            bounded = _Bounded(plain, bounds.of(archive.stat().st_size))
            yield tarstream.entries(bounded, absolute=False, links=links)
            bounded.drain()
    except (Malformed, EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise IntegrityError(f"the archive {archive.name} cannot be unpacked: {error}") from None


def _write(entry: tarstream.Entry, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as out:
            for chunk in entry.chunks:
                out.write(chunk)
    except (FileExistsError, NotADirectoryError, IsADirectoryError):
        raise Malformed(f"it holds {'/'.join(entry.path)!a} twice, or as a file and a folder") from None
    target.chmod(0o755 if entry.executable else 0o644)


class _Bounded:
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

"""Unpacks one folder of a source archive, a gzipped tar that somebody else made: plain files, in bounds."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from zoo.errors import IntegrityError, Malformed
from zoo.sources import tarstream
from zoo.store.names import clean, distinct
from zoo.toolchains.tarball import Bounded


@dataclass(frozen=True, slots=True)
class Limits:
    """What an archive may become at most; the engines' hold some 4,200 members and 180 MB.

    Attributes:
        size: Bytes of the whole tar, unpacked.
        ratio: How much larger than the archive it may be, once it is larger than `free`.
        free: Bytes that any archive may become.
    """

    size: int = 4 << 30
    ratio: int = 32
    free: int = 64 << 20


def untar(archive: Path, inside: str, folder: Path, limits: Limits | None = None) -> None:
    """Unpack the folder `inside` of an archive, or all of it, into a folder, which is there and empty.

    All of the archive is read and checked; what is not below `inside` is passed over. Neither times nor
    permission bits are taken over: cmake starts none of its files.

    Raises:
        IntegrityError: It is no gzipped tar, is damaged, holds what it must not, or nothing at `inside`.
        EaiError: A name in it is not clean, or two are one.
    """
    wanted = tuple(part for part in inside.split("/") if part)
    names: list[str] = []
    with _opened(archive, limits or Limits()) as entries:
        for entry in entries:
            if entry.path[: len(wanted)] == wanted and len(entry.path) > len(wanted):
                names.append(clean("/".join(entry.path[len(wanted) :])))
                _write(entry, folder / names[-1])
    distinct(names)
    if not names:
        raise IntegrityError(f"the archive {archive.name} holds no folder {inside}")


def members(archive: Path, limits: Limits | None = None) -> Iterator[tuple[str, ...]]:
    """Give the path of every file in an archive, under the same rules.

    Raises:
        IntegrityError: As by `untar`.
    """
    with _opened(archive, limits or Limits()) as entries:
        for entry in entries:
            yield entry.path


@contextmanager
def _opened(archive: Path, limits: Limits) -> Iterator[Iterator[tarstream.Entry]]:
    try:
        with gzip.open(archive, "rb") as plain:
            bound = min(limits.size, max(limits.free, archive.stat().st_size * limits.ratio))
            yield tarstream.entries(Bounded(plain, bound), absolute=False)
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

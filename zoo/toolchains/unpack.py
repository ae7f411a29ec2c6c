"""Unpacks a zip archive that somebody else made: nothing outside the folder, nothing odd, nothing huge."""

from __future__ import annotations

import shutil
import stat
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from zoo.errors import IntegrityError
from zoo.store.names import clean, distinct

_PIECE = 1 << 20
_ENCRYPTED = 0x1
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})


@dataclass(frozen=True, slots=True)
class Limits:
    """What an archive may be at most.

    The engines' wheels hold some 15 files and 110 MB, archives of their source code 4,200 and 180 MB.

    Attributes:
        files: How many.
        size: Bytes of all of it together, unpacked.
        ratio: How much larger than the archive it may be, once it is larger than `free`.
        free: Bytes that any archive may become: a tar pads its few files to many blocks of zeros.
    """

    files: int = 10_000
    size: int = 4 << 30
    ratio: int = 100
    free: int = 1 << 20

    def of(self, packed: int) -> int:
        """Count the bytes that an archive of so many may become."""
        return min(self.size, max(self.free, packed * self.ratio))


def unzip(archive: Path, folder: Path, limits: Limits | None = None) -> None:
    """Unpack the archive into a folder, which is there and empty.

    Permission bits are not taken over, but for the owner's right to execute.

    Raises:
        IntegrityError: It is no zip archive, is damaged, or holds what it must not.
        EaiError: A name in it is not clean, or two are one.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            members = _checked(opened, archive.stat().st_size, limits or Limits())
            for member in members:
                _extract(opened, member, folder / member.filename)
    # zipfile raises the last three for methods that it lacks, a cut member, and what is encrypted.
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, RuntimeError) as error:
        raise IntegrityError(f"{archive} is no sound zip archive: {error}") from None


def _checked(opened: zipfile.ZipFile, size: int, limits: Limits) -> list[zipfile.ZipInfo]:
    """The files of the archive, none of which is a surprise."""
    infos = opened.infolist()
    if len(infos) > limits.files:
        raise IntegrityError(f"the archive holds {len(infos)} files, and {limits.files} are the most")
    total = sum(info.file_size for info in infos)
    if total > limits.of(size):
        raise IntegrityError(f"the archive of {size} bytes would become {total} bytes")
    files = [info for info in infos if not info.is_dir()]
    for info in files:
        kind = stat.S_IFMT(info.external_attr >> 16)
        if kind not in {0, stat.S_IFREG}:
            raise IntegrityError(f"{info.filename} in the archive is a link or a device")
        if info.flag_bits & _ENCRYPTED or info.compress_type not in _METHODS:
            raise IntegrityError(f"{info.filename} in the archive is encrypted or oddly packed")
    distinct(clean(info.filename) for info in files)
    return files


def _extract(opened: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with opened.open(info) as source, target.open("xb") as out:
        _copy(source, out, info)
    executable = (info.external_attr >> 16) & stat.S_IXUSR
    target.chmod(0o755 if executable else 0o644)


def _copy(source: IO[bytes], out: IO[bytes], info: zipfile.ZipInfo) -> None:
    """Copy a member; zipfile itself stops at the size that it states, and checks its CRC."""
    shutil.copyfileobj(source, out, _PIECE)
    if out.tell() != info.file_size:
        raise IntegrityError(f"{info.filename} in the archive is cut short")

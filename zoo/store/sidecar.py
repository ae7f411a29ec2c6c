"""The sidecar of an object: what was true of the file when its bytes were verified.

It is a cache. Where it is missing, unreadable, or says something else than `stat`, the object is
hashed again; permissions are no evidence of anything.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Self

import msgspec

from zoo.store import durable

_LIMIT = 4096
_DO_WITHOUT = durable.FULL | {errno.EACCES, errno.EPERM, errno.EROFS}


class Sidecar(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of an object.

    Attributes:
        size: In bytes.
        mtime: When the file was last changed, in nanoseconds; objects are stored with mtime 1.
        ctime: When the file or anything about it was last changed, in nanoseconds; nobody can set that.
        inode: Its number in the file system.
        blake3: Of its bytes, 64 hex digits.
        verified: When, in seconds since 1970.
    """

    size: int
    mtime: int
    ctime: int
    inode: int
    blake3: str
    verified: int

    @classmethod
    def of(cls, status: os.stat_result, blake3: str, *, now: float) -> Self:
        """Describe a file that has just been verified."""
        return cls(
            size=status.st_size,
            mtime=status.st_mtime_ns,
            ctime=status.st_ctime_ns,
            inode=status.st_ino,
            blake3=blake3,
            verified=int(now),
        )

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """Read a sidecar; None if there is none that can be used."""
        try:
            with path.open("rb") as file:
                return msgspec.json.decode(file.read(_LIMIT), type=cls)
        except (OSError, msgspec.DecodeError):
            return None

    def write(self, path: Path) -> None:
        """Write it beside its object; a store that can't be written to does without."""
        try:
            durable.write(path, msgspec.json.encode(self), durable=False)
        except OSError as error:
            if error.errno not in _DO_WITHOUT:
                raise

    def matches(self, status: os.stat_result) -> bool:
        """Whether the file is still the one that was verified, as far as `stat` can tell."""
        return (
            stat.S_ISREG(status.st_mode)
            and status.st_size == self.size
            and status.st_mtime_ns == self.mtime
            and status.st_ctime_ns == self.ctime
            and status.st_ino == self.inode
        )

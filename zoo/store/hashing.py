"""Hashing files: SHA-256, which names them, and BLAKE3, which checks them again fast."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from zoo.digest import Digest

BLOCK = 1 << 20
_LARGE_BLOCK = 16 << 20


@dataclass(frozen=True, slots=True)
class Hashes:
    """Both hashes of some bytes."""

    digest: Digest
    blake3: str


class Hasher:
    """Both hashes at once; BLAKE3 adds a fifth to the time that SHA-256 takes."""

    def __init__(self) -> None:
        from blake3 import blake3  # noqa: PLC0415 - only for those who hash

        self._sha256, self._blake3 = hashlib.sha256(), blake3()

    def update(self, data: bytes | memoryview) -> None:
        """Take more bytes."""
        self._sha256.update(data)
        self._blake3.update(data)

    def hashes(self) -> Hashes:
        """Give the hashes of all bytes so far."""
        return Hashes(Digest.of_hex(self._sha256.hexdigest()), self._blake3.hexdigest())


def of_file(path: Path) -> Hashes:
    """Hash a file both ways, in one pass."""
    hasher, buffer = Hasher(), memoryview(bytearray(BLOCK))
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(buffer):
            hasher.update(buffer[:count])
    return hasher.hashes()


def blake3_of(path: Path) -> str:
    """Hash a file with BLAKE3, on all cores where it is large.

    It is read, not mapped: where a disk fails, a read is an error, and a look at a mapped page the
    end of the process.

    Raises:
        OSError: It can't be read.
    """
    from blake3 import blake3  # noqa: PLC0415 - only for those who hash

    hasher = blake3(max_threads=blake3.AUTO)
    with path.open("rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        buffer = memoryview(bytearray(max(1, min(size, _LARGE_BLOCK))))
        while count := file.readinto(buffer):
            hasher.update(buffer[:count])
    return hasher.hexdigest()


class Follower:
    """Hashes a file from its beginning while it is still being filled, on a thread of its own.

    Args:
        fd: The file, open for reading.
        wait: Called with the offset that was reached; waits until the file is filled beyond it and
            says how far, or gives the same offset when there is no more to come.
    """

    def __init__(self, fd: int, wait: Callable[[int], int]) -> None:
        self._fd, self._wait = fd, wait
        self._hasher = Hasher()
        self._error: OSError | None = None
        self._thread = threading.Thread(target=self._run, name="eai-hash", daemon=True)
        self._thread.start()

    def finish(self) -> Hashes:
        """Wait for the end of the file, and give its hashes.

        Raises:
            OSError: The file could not be read.
        """
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._hasher.hashes()

    def _run(self) -> None:
        buffer, offset = memoryview(bytearray(BLOCK)), 0
        try:
            while (limit := self._wait(offset)) > offset:
                # A file that someone cut gives no bytes here: what is hashed is wrong then, as it should be.
                count = os.preadv(self._fd, [buffer[: min(BLOCK, limit - offset)]], offset)
                self._hasher.update(buffer[:count])
                offset += count or BLOCK
        except OSError as error:
            self._error = error

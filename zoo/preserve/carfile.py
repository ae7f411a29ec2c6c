"""The target `car`: a CAR file on a disk, which any IPFS software can import."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from zoo.errors import EaiError, IntegrityError, NoSpace, TargetError
from zoo.ipfs import car as cars
from zoo.ipfs.car import Car
from zoo.preserve.content import Content
from zoo.preserve.events import Checked, Checking, Kept, Progress, Sending, Sent
from zoo.store import space
from zoo.store.durable import is_full, sync_file, sync_folder

_READ = 4 << 20
_ELSEWHERE = "make room, or name a file on another disk"


class CarFile:
    """A CAR file with all of the files in it, each a root; an older one of that name is replaced.

    Args:
        path: Where; a link is followed. It is there when it is whole, was read back and lies on the disk;
            not before. Until then its bytes are in a hidden file beside it, which the next one that is
            written there takes over where this one was killed.
    """

    def __init__(self, path: Path) -> None:
        self.label = path.name
        self._path = Path(os.path.realpath(path))
        self._part = self._path.parent / f".{self._path.name}.part"

    def ready(self, _: Progress) -> None:
        """See that a file can be made there.

        Raises:
            TargetError: It can't, or something else is there.
        """
        folder = self._path.parent
        with _refusals(self._path):
            if self._path.exists() and not self._path.is_file():
                raise TargetError(f"{self._path} is no file that could be replaced", hint="name another one")
            if not folder.is_dir():
                raise TargetError(f"there is no folder {folder}", hint="make it, or name another one")
            with suppress(FileNotFoundError):  # as it should be; a name that is too long is another error
                self._part.lstat()
            if not os.access(folder, os.W_OK | os.X_OK):
                raise TargetError(f"nothing can be written to {folder}", hint="name another folder")

    def keep(self, contents: Sequence[Content], tell: Progress) -> Iterator[Content]:
        """Write and read back; see `zoo.preserve.target.Target.keep`.

        Raises:
            NoSpace: The disk is full, or would be.
            TargetError: It cannot be written, or someone else is writing it.
        """
        files = tuple((content.dag, content.read) for content in contents)
        car = Car(tuple(content.cid for content in contents), files)
        with _refusals(self._path), self._opened() as file:
            self._require(car.size())
            self._write(car, file, tell)
            self._check(car, file, tell)
            self._part.replace(self._path)
            sync_folder(self._path.parent)
        for content in contents:
            tell(Kept(content.name, self.label, "every block read back from the file"))
            yield content

    @contextmanager
    def _opened(self) -> Iterator[BinaryIO]:
        """Open the file that becomes the CAR, for nobody else; it is gone in the end if it did not."""
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        with os.fdopen(os.open(self._part, flags, 0o666), "w+b") as file:
            self._lock(file.fileno())
            try:
                file.truncate(0)
                yield file
            finally:
                self._part.unlink(missing_ok=True)

    def _lock(self, descriptor: int) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            taken = not os.path.samestat(os.fstat(descriptor), self._part.lstat())
        except (BlockingIOError, FileNotFoundError):
            taken = True
        except OSError:
            taken = False  # a file system that knows no locks
        if taken:  # or was just finished, and must not be cut now
            raise TargetError(f"{self._path} is being written already", hint="wait, or name another file")

    def _require(self, size: int) -> None:
        room = space.room(self._path.parent)
        if size > room:
            raise NoSpace(
                f"{self._path} will have {size:,} bytes, and there is room for {room:,}", hint=_ELSEWHERE
            )

    def _write(self, car: Car, file: BinaryIO, tell: Progress) -> None:
        tell(Sending(self.label, self.label, car.size(), 0))
        for chunk in car.chunks():
            file.write(chunk)
            tell(Sent(self.label, self.label, len(chunk)))
        file.flush()
        sync_file(file.fileno())

    def _check(self, car: Car, file: BinaryIO, tell: Progress) -> None:
        tell(Checking(self.label, self.label, car.size()))
        want = {block.cid for dag, _ in car.files for block in dag.blocks()}
        file.seek(0)
        try:
            for block in cars.blocks(self._chunks(file, tell)):
                want.discard(block.cid)
        except EaiError as error:
            raise IntegrityError(f"{self._path} is not what was written: {error.message}") from None
        if want:
            raise IntegrityError(f"{self._path} is not what was written: {len(want)} blocks are missing")

    def _chunks(self, file: BinaryIO, tell: Progress) -> Iterator[bytes]:
        while chunk := file.read(_READ):
            yield chunk
            tell(Checked(self.label, self.label, len(chunk)))


@contextmanager
def _refusals(path: Path) -> Iterator[None]:
    """Say what the disk refuses.

    Raises:
        NoSpace: It is full.
        TargetError: Anything else.
    """
    try:
        yield
    except OSError as error:
        if is_full(error) or error.errno == errno.EFBIG:
            raise NoSpace(f"the disk is full: {path}", hint=_ELSEWHERE) from error
        raise TargetError(
            f"{path} cannot be written: {error.strerror or error}", hint="name another file"
        ) from error

"""The target `car`: a CAR file on a disk, which any IPFS software can import."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from zoo.errors import EaiError, IntegrityError, TargetError
from zoo.ipfs import car as cars
from zoo.ipfs.car import Car
from zoo.preserve.content import Content
from zoo.preserve.events import Checked, Checking, Kept, Progress, Sending, Sent
from zoo.store.durable import disk_errors, sync_file, sync_folder

_READ = 4 << 20


class CarFile:
    """A CAR file with all of the files in it, each a root; an older one of that name is replaced.

    Args:
        path: Where. It is there when it is whole, was read back and lies on the disk; not before.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def label(self) -> str:
        """The file's name."""
        return self._path.name

    def ready(self) -> None:
        """See that there is a folder to write to.

        Raises:
            TargetError: There is none.
        """
        if not self._path.parent.is_dir():
            raise TargetError(f"there is no folder {self._path.parent}", hint="make it, or name another one")

    def keep(self, contents: Sequence[Content], tell: Progress) -> Iterator[Content]:
        """Write and read back; see `zoo.preserve.target.Target.keep`.

        Raises:
            NoSpace: The disk is full.
        """
        files = tuple((content.dag, content.read) for content in contents)
        car = Car(tuple(content.cid for content in contents), files)
        temporary = self._path.with_name(f".{self._path.name}.{os.getpid()}.tmp")
        with disk_errors(self._path):
            try:
                self._write(car, temporary, tell)
                self._check(contents, temporary, car.size(), tell)
                temporary.replace(self._path)
                sync_folder(self._path.parent)
            finally:
                temporary.unlink(missing_ok=True)
        for content in contents:
            tell(Kept(content.name, self.label, "every block read back from the file"))
            yield content

    def _write(self, car: Car, temporary: Path, tell: Progress) -> None:
        tell(Sending(self.label, self.label, car.size(), 0))
        with temporary.open("xb") as file:
            for chunk in car.chunks():
                file.write(chunk)
                tell(Sent(self.label, self.label, len(chunk)))
            file.flush()
            sync_file(file.fileno())

    def _check(self, contents: Sequence[Content], path: Path, size: int, tell: Progress) -> None:
        tell(Checking(self.label, self.label, size))
        want = set().union(*(content.cids() for content in contents))
        try:
            for block in cars.blocks(self._chunks(path, tell)):
                want.discard(block.cid)
        except EaiError as error:
            raise IntegrityError(f"{self._path} is not what was written: {error.message}") from None
        if want:
            raise IntegrityError(f"{self._path} is not what was written: {len(want)} blocks are missing")

    def _chunks(self, path: Path, tell: Progress) -> Iterator[bytes]:
        with path.open("rb", buffering=0) as file:
            while chunk := file.read(_READ):
                yield chunk
                tell(Checked(self.label, self.label, len(chunk)))

"""A folder as the archive that older installations read: one gzip stream of one tar, cut into parts.

The same folder gives the same parts on every machine: names are sorted, and times and owners left out. So
a run that was interrupted finds its parts where it put them. A part lies in a temporary file until it
is kept, and there are never more than three of them.
"""

from __future__ import annotations

import hashlib
import os
import queue
import stat
import tarfile
import tempfile
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, NoReturn

from zoo.digest import Digest
from zoo.errors import EaiError, Malformed, NoSpace, SourceChanged
from zoo.ipfs import legacy, names
from zoo.preserve.content import reader_of
from zoo.sources.tarstream import DEPTH_MAX, MEMBERS_MAX
from zoo.store.durable import is_full

if TYPE_CHECKING:
    from zoo.ipfs.builder import Reader

LEVEL = 2
"""Of igzip, from 0 to 3. Weights shrink as little as with `pigz --best`, in a tenth of its time."""

_BLOCK = 1 << 20
_ENTRIES_MAX = MEMBERS_MAX // 2 - 1
"""A long name is a member of its own, and the end takes one."""


@dataclass(frozen=True, slots=True)
class Member:
    """A file or a directory in the tar: its name there, and where it lies."""

    name: str
    path: Path
    size: int
    directory: bool


@dataclass(frozen=True, slots=True)
class PackedPart:
    """A part that is to be sent, while it is there."""

    name: str
    sha256: Digest
    size: int
    read: Reader


def members(folder: Path) -> tuple[Member, ...]:
    """List a folder, itself first, in the order of the bytes of the names.

    Raises:
        EaiError: It cannot be read, something in it is no file and no directory or has a name that nobody
            would unpack, or there is far too much.
    """
    found: list[Member] = []
    for inner, folders, files in os.walk(folder, onerror=_unreadable):
        folders.sort()
        for path in (Path(inner), *(Path(inner, name) for name in files + folders)):
            if path.is_dir() and not path.is_symlink() and path != Path(inner):
                continue  # it comes with what is in it
            found.append(_member(path, folder))
        if len(found) > _ENTRIES_MAX:
            raise EaiError(f"{folder} holds more than {_ENTRIES_MAX} files: it is no model's folder")
    return tuple(sorted(found, key=lambda member: member.name.encode()))


def _unreadable(error: OSError) -> NoReturn:
    raise EaiError(f"{error.filename} cannot be read: {error.strerror}") from None


def _member(path: Path, folder: Path) -> Member:
    inner = path.relative_to(folder).parts
    try:
        status = path.lstat()
        for part in inner[-1:]:
            names.check_text(part)
    except OSError as error:
        _unreadable(error)
    except Malformed as error:
        raise EaiError(f"{str(path)!a} cannot be unpacked elsewhere: {error.message}") from None
    if len(inner) >= DEPTH_MAX:
        raise EaiError(f"{path} lies too deep: {DEPTH_MAX - 1} folders may be nested")
    directory = stat.S_ISDIR(status.st_mode)
    if not directory and not stat.S_ISREG(status.st_mode):
        raise EaiError(
            f"{path} is no file and no folder, so that others could not unpack it",
            hint="replace a link by the file that it leads to",
        )
    name = "/".join((folder.name, *inner))
    return Member(name, path, 0 if directory else status.st_size, directory)


@contextmanager
def packed(
    entries: tuple[Member, ...], folder: str, *, part_size: int, threads: int, scratch: Path
) -> Iterator[Iterator[PackedPart]]:
    """Pack entries, and give the parts one by one; each is gone when the next one is asked for.

    Args:
        entries: What is packed.
        folder: What parts are named after.
        part_size: Bytes of a part; the last one may be smaller.
        threads: How many compress.
        scratch: A folder for temporary files.

    Raises:
        SourceChanged: A file became shorter while it was read.
    """
    splitter = _Splitter(part_size, scratch)
    packer = threading.Thread(target=splitter.run, args=(entries, threads), name="pack", daemon=True)
    packer.start()
    parts = _parts(splitter, folder)
    try:
        yield parts
    finally:
        splitter.stop()
        packer.join()
        parts.close()
        splitter.clear()


def _parts(splitter: _Splitter, folder: str) -> Generator[PackedPart, None, None]:
    for index, cut in enumerate(splitter.cuts()):
        with cut.file:
            read = reader_of(cut.file.fileno())
            digest = Digest.of_hex(cut.hash.hexdigest())
            yield PackedPart(legacy.part_name(folder, index), digest, cut.size, read)


class _Stopped(Exception):
    """Nobody wants the parts any more."""


def _refused(error: OSError) -> NoReturn:
    """Say that there is no writing to the folder for temporary files."""
    if is_full(error):
        raise NoSpace(
            "the disk became full where eai keeps its data: parts are put there until they are sent",
            hint="make room and run it again, or cut smaller parts with --zip-chunk-size",
        ) from error
    raise EaiError(f"a temporary file cannot be written: {error.strerror}") from error


class _Cut:
    """A part that is being written."""

    def __init__(self, scratch: Path) -> None:
        # Without a buffer, which on a full disk could neither be written nor closed.
        try:
            self.file: IO[bytes] = tempfile.TemporaryFile(dir=scratch, buffering=0)  # noqa: SIM115 - whoever reads it closes it
        except OSError as error:
            _refused(error)
        self.hash = hashlib.sha256()
        self.size = 0

    def write(self, data: memoryview) -> None:
        rest = data
        try:
            while rest:
                rest = rest[self.file.write(rest) :]
        except OSError as error:
            _refused(error)
        self.hash.update(data)
        self.size += len(data)


class _Splitter:
    """What the compressor writes to: hands on a part whenever one is full, and waits until it is taken."""

    def __init__(self, part_size: int, scratch: Path) -> None:
        self._part_size, self._scratch = part_size, scratch
        self._ready: queue.Queue[_Cut | BaseException | None] = queue.Queue(1)
        self._stopped = threading.Event()
        self._cut = _Cut(scratch)

    def run(self, entries: tuple[Member, ...], threads: int) -> None:
        """Pack everything, in a thread of its own; what goes wrong is raised where parts are read."""
        try:
            _pack(entries, self, threads)
            if self._cut.size:
                self._hand(self._cut)
            self._hand(None)
        except _Stopped:
            self._cut.file.close()
        except BaseException as error:  # noqa: BLE001 - raised again, in the thread that takes the parts
            self._cut.file.close()
            with suppress(_Stopped):  # nobody waits for it any more
                self._hand(error)

    def cuts(self) -> Iterator[_Cut]:
        """Give each part when it is full."""
        while (cut := self._ready.get()) is not None:
            if isinstance(cut, BaseException):
                raise cut
            yield cut

    def stop(self) -> None:
        """Let the thread end, soon."""
        self._stopped.set()

    def clear(self) -> None:
        """Drop what nobody took, after the thread has ended."""
        while not self._ready.empty():
            if isinstance(cut := self._ready.get(), _Cut):
                cut.file.close()

    def flush(self) -> None:
        """Do nothing: what is written is in the part at once."""

    def write(self, data: bytes) -> int:
        """Take what the compressor made."""
        view = memoryview(data)
        while view:
            if self._cut.size == self._part_size:
                self._hand(self._cut)
                self._cut = _Cut(self._scratch)
            some = view[: self._part_size - self._cut.size]
            self._cut.write(some)
            view = view[len(some) :]
        return len(data)

    def _hand(self, item: _Cut | BaseException | None) -> None:
        while not self._stopped.is_set():
            try:
                self._ready.put(item, timeout=0.2)
            except queue.Full:
                continue
            return
        raise _Stopped


def _pack(entries: tuple[Member, ...], sink: _Splitter, threads: int) -> None:
    from isal import igzip_threaded  # noqa: PLC0415 - only where an archive is written

    # Two threads at least: with one, the library cuts its blocks in another way.
    with (
        igzip_threaded.open(  # type: ignore[no-untyped-call]  # it has no annotations
            sink, "wb", compresslevel=LEVEL, threads=max(2, threads)
        ) as gzip,
        tarfile.open(fileobj=gzip, mode="w|", format=tarfile.GNU_FORMAT, bufsize=_BLOCK) as tar,
    ):
        for entry in entries:
            _add(tar, entry)


def _add(tar: tarfile.TarFile, entry: Member) -> None:
    info = tarfile.TarInfo(entry.name)
    info.size, info.mode = entry.size, 0o644
    if entry.directory:
        info.type, info.mode = tarfile.DIRTYPE, 0o755
        tar.addfile(info)
        return
    try:
        with entry.path.open("rb", buffering=0) as file:
            tar.addfile(info, file)
    except OSError as error:
        if error.errno is not None:
            raise EaiError(f"{entry.path} cannot be read: {error.strerror}") from None
        raise SourceChanged(f"{entry.path} became shorter while it was read") from None

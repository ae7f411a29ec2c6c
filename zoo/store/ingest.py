"""How an object comes into the store: one process at a time, whatever kills it, verified before it is seen.

An object under way is a folder `ingest/<key>` with a partial and one file `owner.<who>`. The folder
is created by renaming a whole one into place, which fails if it is there; an abandoned one is taken
over by renaming its owner file, which only one process can do. No lock of the file system is needed.
"""

from __future__ import annotations

import os
import secrets
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from zoo.digest import Digest
from zoo.errors import EaiError, IntegrityError
from zoo.store import durable
from zoo.store.hashing import Follower, Hashes
from zoo.store.layout import Layout
from zoo.store.owner import Owner
from zoo.store.partial import PIECE, Partial, Write
from zoo.store.sidecar import Sidecar

SILENT = 15 * 60.0
"""Seconds without a sign of life after which an owner on another machine is taken for dead."""
_FREE, _NOTE = "owner.free", "version"
_FLUSH = 64 << 20
_LOOKS = 100


@dataclass(frozen=True, slots=True)
class Held:
    """Someone else is at it.

    Attributes:
        owner: Which process that is.
    """

    owner: Owner


def temporary(layout: Layout, name: str) -> Path:
    """Name a folder in which something is made; `sweep` removes it once this process is dead."""
    return layout.ingest / f".{name}.{Owner.me()}.{secrets.token_hex(4)}"


def sweep(layout: Layout) -> None:
    """Remove what dead processes left half made, but for downloads: those go on, unless they are done."""
    for path in layout.ingest.iterdir():
        if path.name.startswith("."):
            owner = Owner.parse(path.name.split(".")[-2]) if path.name.count(".") > 1 else None
            if owner is not None and owner.alive() is False:
                durable.remove_tree(path)
        elif (layout.objects / path.name[:2] / path.name).exists():
            _remove_done(layout, path)


def _remove_done(layout: Layout, folder: Path) -> None:
    """Remove a download whose process died between storing the object and removing this."""
    if not any(_living(file) for file in folder.glob("owner.*")):
        _remove(layout, folder)


def _remove(layout: Layout, folder: Path) -> None:
    """Remove a download, in one step first: nobody may find the folder half removed."""
    away = temporary(layout, folder.name)
    with suppress(FileNotFoundError):  # another process has removed it
        folder.rename(away)
    durable.remove_tree(away)


def claim(
    layout: Layout, key: str, size: int | None, *, piece: int = PIECE, pwrite: Write = os.pwrite
) -> Ingest | Held:
    """Take hold of a download, new or abandoned; or say who has it.

    Raises:
        OSError: The disk refuses.
        EaiError: The folder is damaged in a way that only a person can mend.
    """
    folder, mine = layout.partial(key), f"owner.{Owner.me()}"
    for _ in range(_LOOKS):
        if not folder.exists() and _create(layout, folder, mine):
            return _taken(layout, folder, size, piece, pwrite)
        found = next((p for p in _list(folder) if p.name.startswith("owner.")), None)
        if found is None:
            # Between two looks at a folder its owner file may have changed its name.
            time.sleep(0.001)
            continue
        if (owner := _living(found)) is not None:
            return Held(owner)
        with suppress(FileNotFoundError):  # another process was faster
            found.rename(folder / mine)
            os.utime(folder / mine)
            return _taken(layout, folder, size, piece, pwrite)
    raise EaiError(
        f"{folder} is held by nobody and free for nobody",
        hint="no eai made it so; remove the folder, and run the command again",
    )


def _taken(layout: Layout, folder: Path, size: int | None, piece: int, pwrite: Write) -> Ingest:
    """Begin with a download that is ours now; let go of it if that fails.

    Else it would be held by a process that lives and does nothing: all others, and this one's own other
    threads, would wait for it until the process ends.
    """
    try:
        return Ingest(layout, folder, size, piece=piece, pwrite=pwrite)
    except BaseException:
        with suppress(OSError):  # what went wrong before is raised
            (folder / f"owner.{Owner.me()}").rename(folder / _FREE)
        raise


def _create(layout: Layout, folder: Path, mine: str) -> bool:
    fresh = temporary(layout, folder.name)
    fresh.mkdir()
    (fresh / mine).touch()
    try:
        fresh.rename(folder)
    except OSError:
        durable.remove_tree(fresh)
        if not folder.exists():
            raise
        return False
    return True


def _list(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except FileNotFoundError:
        return []


def _living(file: Path) -> Owner | None:
    """The owner that an owner file names, unless it is dead or has let go."""
    owner = Owner.parse(file.name.removeprefix("owner."))
    if owner is None:
        return None
    alive = owner.alive()
    if alive is None:
        try:
            alive = time.time() - file.stat().st_mtime < SILENT
        except FileNotFoundError:
            alive = True
    return owner if alive else None


class Ingest:
    """An object on its way into the store, in the hands of this process alone."""

    def __init__(self, layout: Layout, folder: Path, size: int | None, *, piece: int, pwrite: Write) -> None:
        self._layout, self._folder = layout, folder
        self._mine = folder / f"owner.{Owner.me()}"
        self.partial = Partial(folder, size, piece=piece, pwrite=pwrite)
        self._start()

    def _start(self) -> None:
        self._follower = Follower(self.partial.fd, self.partial.follow)
        self._flusher = _Flusher(self.partial)

    def beat(self) -> None:
        """Give a sign of life, for those on other machines that can't see this process."""
        with suppress(FileNotFoundError):  # it was taken over, as `commit` will say
            os.utime(self._mine)

    def note(self, text: str | None) -> None:
        """Write down, for whoever goes on with this, which version of the file it is a part of."""
        path = self._folder / _NOTE
        if text is None:
            path.unlink(missing_ok=True)
        else:
            durable.write(path, text.encode(), durable=False)

    def noted(self) -> str | None:
        """What was written down; None if nothing was."""
        try:
            return (self._folder / _NOTE).read_bytes().decode(errors="replace")
        except FileNotFoundError:
            return None

    def restart(self, *, all_of_it: bool = True) -> None:
        """Forget all bytes, or those since `partial.begin`, and begin to hash anew."""
        self._flusher.finish()
        self._follower.finish()
        self.partial.forget(all_of_it=all_of_it)
        self.partial.stop(stopped=False)
        self._start()

    def commit(self, digest: Digest | None) -> Hashes:
        """Verify the filled file and put it where objects are; the partial is gone then.

        Args:
            digest: What it must be; None where nobody knows and it is to be learnt.

        Raises:
            IntegrityError: Its bytes are others. Nothing was stored.
            EaiError: Someone took the download over, having taken this process for dead.
            OSError: The disk refuses.
        """
        hashes = self._follower.finish()
        if digest is not None and hashes.digest != digest:
            raise IntegrityError(f"expected {digest}, received {hashes.digest}")
        self._flusher.finish()
        if not self._mine.exists():
            raise EaiError(
                f"another process took over {self._folder}",
                hint="run the command again: it goes on from there",
            )
        place(self._layout, self.partial.data, self.partial.fd, hashes)
        self.discard()
        return hashes

    def release(self) -> None:
        """Let go, and leave what is there, if anything, to whoever comes next."""
        if not self.partial.held:
            self.discard()
            return
        self._end()
        with suppress(FileNotFoundError):  # it was taken over
            self._mine.rename(self._folder / _FREE)

    def discard(self) -> None:
        """Let go, and leave nothing."""
        self._end()
        _remove(self._layout, self._folder)

    def _end(self) -> None:
        self.partial.stop()
        # Nothing rests on either any more: whoever goes on hashes all that is there, and `commit` has asked.
        with suppress(OSError):
            self._follower.finish()
        with suppress(OSError):
            self._flusher.finish()
        self.partial.close()


def place(layout: Layout, data: Path, fd: int, hashes: Hashes) -> None:
    """Make a verified file an object.

    The bytes are flushed before the name is there, so that not even a power cut shows the name
    without them; the times are set so that a later change of either can be seen.
    """
    target = layout.object(hashes.digest)
    target.parent.mkdir(exist_ok=True)
    with suppress(PermissionError):  # exFAT and SMB know no modes; they are no protection anyway
        os.fchmod(fd, durable.READ_ONLY)
    os.utime(fd, (1, 1))
    durable.sync_file(fd)
    durable.move(data, target)
    Sidecar.of(target.stat(), hashes.blake3, now=time.time()).write(layout.sidecar(hashes.digest))


class _Flusher:
    """Sends bytes to the disk while more are coming, so that the flush at the end is short."""

    def __init__(self, partial: Partial) -> None:
        self._partial = partial
        self._error: OSError | None = None
        self._thread = threading.Thread(target=self._run, name="eai-flush", daemon=True)
        self._thread.start()

    def finish(self) -> None:
        """Wait for it, and raise what the disk said: it says so only once."""
        self._partial.stop()
        self._thread.join()
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        # macOS has no fdatasync, and writes back early by itself.
        flush = getattr(os, "fdatasync", None)
        offset = 0
        try:
            while flush is not None and (limit := self._partial.follow(offset + _FLUSH)) > offset + _FLUSH:
                flush(self._partial.fd)
                offset = limit
        except OSError as error:
            self._error = error

"""Brings the files of the model that is loaded next into the page cache, while it waits for room.

Reading them is most of a cold load, and needs none of the memory that the wait is for: pages of files
are given back as soon as anybody needs them. No more is asked for than is free anyway, so that nothing
that an engine uses now is pushed out.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from zoo.environment.model import ServedModel
from zoo.serve.machine import headroom

Warm = Callable[[ServedModel], Callable[[], None]]

STEP = 16 * 2**20  # bytes that are asked for at a time
_SPARE = 256 * 2**20
_MEMINFO = Path("/proc/meminfo")


def spare(meminfo: Path = _MEMINFO, limit: Callable[[], float] = headroom) -> int:
    """Bytes that the page cache can take without pushing out what is in use; 0 where nobody tells."""
    try:
        lines = dict(line.split(":") for line in meminfo.read_text("ascii").splitlines())
        free = sum(int(lines[name].split()[0]) << 10 for name in ("MemFree", "Inactive(file)"))
    except (OSError, ValueError, KeyError, IndexError):
        return 0
    return max(0, int(min(free, limit())) - _SPARE)


def advise(descriptor: int, offset: int, length: int) -> None:
    """Have the kernel read a part of a file ahead."""
    os.posix_fadvise(descriptor, offset, length, os.POSIX_FADV_WILLNEED)


class Ahead:
    """What is made ready for its start: one model at most.

    Args:
        warm: Begins with a model, and gives what is called to undo it; None where nothing is to be done.
    """

    def __init__(self, warm: Warm | None) -> None:
        self._warm = warm
        self._model: ServedModel | None = None
        self._stop: Callable[[], None] | None = None

    def want(self, model: ServedModel | None) -> None:
        """Make this model ready, and no other."""
        if model is self._model:
            return
        if self._stop is not None:
            self._stop()
        self._model = model
        self._stop = self._warm(model) if self._warm is not None and model is not None else None

    def starts(self, model: ServedModel) -> None:
        """This model is started: what was made ready is used."""
        if model is self._model:
            self._model = self._stop = None


class Prefetch:
    """Reads files ahead, in a thread of its own that ends when it is told to.

    Args:
        room: Bytes that may be read ahead now.
        read: Reads a part of a file ahead; the kernel's own way where absent, if it has one.
    """

    def __init__(
        self,
        room: Callable[[], int] = spare,
        read: Callable[[int, int, int], None] | None = None,
    ) -> None:
        self._room, self._read = room, read or (advise if hasattr(os, "posix_fadvise") else None)

    def __call__(self, model: ServedModel) -> Callable[[], None]:
        """Begin with a model's files; call what this gives to stop, which waits for nothing."""
        stopped = threading.Event()
        if self._read is not None and model.files:
            work = threading.Thread(
                target=self._run, args=(model.files, self._read, stopped), name="prefetch", daemon=True
            )
            work.start()
        return stopped.set

    def _run(
        self, files: Sequence[Path], read: Callable[[int, int, int], None], stopped: threading.Event
    ) -> None:
        with contextlib.suppress(OSError):  # the engine will say what is wrong with a file
            if sum(file.stat().st_size for file in files) > self._room():
                return
            for file in files:
                self._ahead(file, read, stopped)

    def _ahead(self, file: Path, read: Callable[[int, int, int], None], stopped: threading.Event) -> None:
        with file.open("rb", buffering=0) as opened:
            size = os.fstat(opened.fileno()).st_size
            for offset in range(0, size, STEP):
                if stopped.is_set():
                    return
                read(opened.fileno(), offset, STEP)

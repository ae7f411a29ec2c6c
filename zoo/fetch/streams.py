"""One file from one source, over several streams: ranges in order, so that hashing keeps up."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from zoo.errors import Interrupted
from zoo.sources.base import Body, Download
from zoo.store.partial import Filler, Partial

RANGE = 32 << 20
_LOOK = 0.2


class Stopped(Exception):
    """The whole fetch has ended; it is nobody's fault here."""


@dataclass(frozen=True, slots=True)
class Slots:
    """How many streams there may be at once, of all files together.

    Attributes:
        free: Counts those that are left.
        stop: Set when everything should end.
    """

    free: threading.Semaphore
    stop: threading.Event = field(default_factory=threading.Event)

    @classmethod
    def of(cls, count: int) -> Slots:
        """Allow so many streams."""
        return cls(threading.Semaphore(count))

    def wait(self) -> None:
        """Take a slot as soon as there is one.

        Raises:
            Stopped: It won't be needed.
        """
        while not self.free.acquire(timeout=_LOOK):
            self.check()
        if self.stop.is_set():
            self.free.release()
            raise Stopped

    def pause(self, seconds: float) -> None:
        """Sleep.

        Raises:
            Stopped: It would be for nothing.
        """
        if self.stop.wait(seconds):
            raise Stopped

    def check(self) -> None:
        """See that we still go on.

        Raises:
            Stopped: We don't.
        """
        if self.stop.is_set():
            raise Stopped


class Team:
    """The streams that fill one partial from one download.

    Args:
        download: Where the bytes come from.
        partial: What is missing bytes.
        slots: Limits the number of streams.
        advanced: Is told of bytes as they come.
        span: How many bytes are asked for at a time.
    """

    def __init__(
        self,
        download: Download,
        partial: Partial,
        slots: Slots,
        *,
        advanced: Callable[[int], None],
        span: int = RANGE,
    ) -> None:
        self._download, self._partial, self._slots, self._advanced = download, partial, slots, advanced
        self._ranges = deque(_split(partial.missing(), span))
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._running = 0
        self._errors: list[BaseException] = []
        self._ranged = False
        self._halted = False

    def run(self) -> None:
        """Get all that is missing.

        Raises:
            SourceError: The source failed; `Interrupted` only after every other stream had its turn.
            OSError: The disk refuses.
            Stopped: The whole fetch has ended.
        """
        if not self._ranges:
            return
        self._slots.wait()
        self._hire()
        while self._wait():
            self._slots.check()
            # One stream alone finds out whether the source can give ranges at all.
            while self._more() and self._slots.free.acquire(blocking=False):
                self._hire()
        if self._errors:
            raise self._errors[0]
        if self._partial.missing():
            raise Interrupted("the answers left gaps")

    def end(self) -> None:
        """Wait until no stream runs any more; the download must be closed, so that none hangs."""
        self._halted = True
        for thread in self._threads:
            thread.join()

    def _wait(self) -> bool:
        """Wait a little; False once nothing runs any more, or nothing should."""
        with self._changed:
            if self._running:
                self._changed.wait(_LOOK)
            fatal = any(not isinstance(error, Interrupted) for error in self._errors)
            return bool(self._running) and not fatal

    def _more(self) -> bool:
        with self._changed:
            return self._ranged and bool(self._ranges) and not self._errors

    def _hire(self) -> None:
        with self._changed:
            self._running += 1
        thread = threading.Thread(target=self._stream, name="eai-stream", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _stream(self) -> None:
        error: BaseException | None = None
        try:
            while (span := self._take()) is not None:
                self._read(*span)
        except Stopped:
            pass  # as was wanted: whoever stopped it knows why
        except BaseException as raised:  # noqa: BLE001 - raised again, where someone hears it
            error = raised
        finally:
            self._slots.free.release()
            with self._changed:
                self._running -= 1
                if error is not None:
                    self._errors.append(error)
                self._changed.notify_all()

    def _take(self) -> tuple[int, int] | None:
        with self._changed:
            return None if self._halted or not self._ranges else self._ranges.popleft()

    def _read(self, start: int, stop: int) -> None:
        with self._download.read(start, stop) as body:
            with self._changed:
                if body.start != start or (body.stop or stop) > stop:
                    # All of the file comes on this one stream: nothing is left to ask for.
                    self._ranges.clear()
                else:
                    self._ranged = True
                self._changed.notify_all()
            self._fill(body)

    def _fill(self, body: Body) -> None:
        filler = Filler(self._partial, body.start)
        for chunk in body.chunks:
            if self._halted:
                raise Stopped
            filler.feed(chunk)
            self._advanced(len(chunk))


def _split(ranges: list[tuple[int, int]], span: int) -> list[tuple[int, int]]:
    return [(at, min(at + span, stop)) for start, stop in ranges for at in range(start, stop, span)]

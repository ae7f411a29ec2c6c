"""Threads that do small things for a download, and that no end of the program waits for."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from zoo.errors import Interrupted

T = TypeVar("T")


class Workers:
    """At most so many daemon threads, started as they are needed.

    The standard library's pool would make the program wait for a server that does not answer.

    Args:
        most: How many threads.
        name: What debuggers call them.
    """

    def __init__(self, most: int, name: str) -> None:
        self._most, self._name = most, name
        self._queue: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._idle = self._threads = 0
        self._closed = False

    def do(self, job: Callable[[], T]) -> Future[T]:
        """Do something soon; the future has its result, or `Interrupted` once this is closed."""
        future: Future[T] = Future()
        with self._lock:
            if self._closed:
                future.set_exception(Interrupted("given up"))
                return future
            if self._idle == 0 and self._threads < self._most:
                self._threads += 1
                threading.Thread(target=self._work, name=self._name, daemon=True).start()
            else:
                self._idle -= 1
        self._queue.put(lambda: self._run(job, future))
        return future

    def close(self) -> None:
        """Begin nothing more; what is being done is not waited for."""
        with self._lock:
            self._closed = True
            threads = self._threads
        for _ in range(threads):
            self._queue.put(None)

    def _work(self) -> None:
        while (task := self._queue.get()) is not None:
            task()
            with self._lock:
                self._idle += 1

    def _run(self, job: Callable[[], T], future: Future[T]) -> None:
        if self._closed:
            future.set_exception(Interrupted("given up"))
            return
        try:
            future.set_result(job())
        except BaseException as error:  # noqa: BLE001 - raised again, where it is waited for
            future.set_exception(error)

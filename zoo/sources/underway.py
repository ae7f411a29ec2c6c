"""Answers that are being read, so that all of them can be ended at once from another thread."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Protocol

from zoo.errors import Interrupted


class Answer(Protocol):
    """An answer of any library."""

    def close(self) -> None:
        """Let go of it."""
        ...


class Underway:
    """Keeps the answers of one download.

    Args:
        name: What messages call the download.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._open: dict[Answer, socket.socket | None] = {}
        self._closed = False

    def add(self, answer: Answer, sock: socket.socket | None) -> None:
        """Note an answer that has begun, and what it comes through.

        Raises:
            Interrupted: The download has ended meanwhile; the answer is closed.
        """
        with self._lock:
            self._open[answer] = sock
            closed = self._closed
        if closed:
            self.forget(answer)
            raise Interrupted(f"{self._name}: given up")

    def forget(self, answer: Answer) -> None:
        """Close an answer."""
        with self._lock:
            self._open.pop(answer, None)
        answer.close()

    def close(self) -> None:
        """End every answer: its readers see the connection end."""
        with self._lock:
            self._closed = True
            for sock in self._open.values():
                if sock is not None:
                    # The plain socket's, also for TLS: a reader in another thread must not lose its state.
                    with suppress(OSError):  # its other end was faster
                        socket.socket.shutdown(sock, socket.SHUT_RDWR)

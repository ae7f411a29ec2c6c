"""Answers that are being read, so that all of them can be ended at once from another thread."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from zoo.errors import Interrupted

if TYPE_CHECKING:
    import httpx2


class _HasSocket(Protocol):
    def get_extra_info(self, info: str) -> socket.socket | None: ...


class Underway:
    """Keeps the answers of one download.

    Args:
        name: What messages call the download.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._open: set[httpx2.Response] = set()
        self._closed = False

    def add(self, response: httpx2.Response) -> None:
        """Note an answer that has begun.

        Raises:
            Interrupted: The download has ended meanwhile; the answer is closed.
        """
        with self._lock:
            self._open.add(response)
            closed = self._closed
        if closed:
            self.forget(response)
            raise Interrupted(f"{self._name}: given up")

    def forget(self, response: httpx2.Response) -> None:
        """Close an answer."""
        with self._lock:
            self._open.discard(response)
        response.close()

    def close(self) -> None:
        """End every answer: its readers see the connection end."""
        with self._lock:
            self._closed = True
            for response in self._open:
                stream: _HasSocket | None = response.extensions.get("network_stream")
                sock = stream.get_extra_info("socket") if stream is not None else None
                if sock is not None:
                    # The plain socket's, also for TLS: a reader in another thread must not lose its state.
                    with suppress(OSError):
                        socket.socket.shutdown(sock, socket.SHUT_RDWR)

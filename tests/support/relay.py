"""A relay in front of a server: counts what a client sends through it, and calls back at a mark."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit


@contextmanager
def relay(url: str, mark: int, reached: Callable[[], None]) -> Iterator[str]:
    """Relay connections to a server, for as long as the context lasts; gives the relay's URL.

    Args:
        url: Of the server.
        mark: Bytes, of one connection, from client to server.
        reached: Is called when they were relayed; then that connection is cut.
    """
    parts = urlsplit(url)
    there = (parts.hostname or "", parts.port or 0)
    listener = socket.create_server(("127.0.0.1", 0))
    threads: list[threading.Thread] = []
    ends: list[socket.socket] = []

    def accept() -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                server = socket.create_connection(there)
                ends.extend((client, server))
                for args in ((client, server, mark, reached), (server, client, None, reached)):
                    thread = threading.Thread(target=_pump, args=args)
                    threads.append(thread)
                    thread.start()

    accepting = threading.Thread(target=accept)
    accepting.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        accepting.join()
        for end in ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()
        for end in ends:
            end.close()


def _pump(
    source: socket.socket, target: socket.socket, most: int | None, reached: Callable[[], None]
) -> None:
    count = 0
    with suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
            count += len(data)
            if most is not None and count >= most:
                reached()
                break
    for end in (source, target):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)

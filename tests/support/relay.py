"""A relay in front of a server: counts what a client sends through it, and calls back at a mark."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

from support.accepting import Talks, accepting


@contextmanager
def relay(url: str, mark: int, reached: Callable[[], None]) -> Iterator[str]:
    """Relay connections to a server, for as long as the context lasts; gives the relay's URL.

    Args:
        url: Of the server.
        mark: Bytes, of one connection, from client to server.
        reached: Is called when they were relayed; then that connection is cut.
    """
    parts = urlsplit(url)

    def welcome(talks: Talks, client: socket.socket) -> None:
        server = socket.create_connection((parts.hostname or "", parts.port or 0))
        talks.ends.append(server)
        talks.begin(_pump, client, server, mark, reached)
        talks.begin(_pump, server, client, None, reached)

    with accepting(welcome) as port:
        yield f"http://127.0.0.1:{port}"


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

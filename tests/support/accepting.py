"""A listener whose connections are talked to in threads, all of which end with a block."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field


@dataclass(slots=True)
class Talks:
    """What has been begun.

    Attributes:
        ends: Sockets that are shut in the end, so that no thread waits for them any more.
    """

    ends: list[socket.socket] = field(default_factory=list)
    threads: list[threading.Thread] = field(default_factory=list)

    def begin(self, talk: Callable[..., None], *args: object) -> None:
        """Talk in a thread."""
        thread = threading.Thread(target=talk, args=args)
        self.threads.append(thread)
        thread.start()


@contextmanager
def accepting(welcome: Callable[[Talks, socket.socket], None]) -> Iterator[int]:
    """Welcome every connection for as long as the context lasts; gives the port that they come to."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    talks = Talks()

    def accept() -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:  # it is closed
                return
            talks.ends.append(sock)
            welcome(talks, sock)

    thread = threading.Thread(target=accept)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        with suppress(OSError):  # where nobody came, macOS says that it is not connected
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()
        for sock in talks.ends:
            with suppress(OSError):  # whoever talked may have closed it
                sock.shutdown(socket.SHUT_RDWR)
        for begun in talks.threads:
            begun.join()
        for sock in talks.ends:
            sock.close()

"""One request, wherever it is: what it goes through, so that it can be ended, and where it was led."""

from __future__ import annotations

import ipaddress
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from zoo.errors import Interrupted, SourceError

OUTSIDE, NETWORK, MACHINE = range(3)
"""How near an address is: everyone's, this network's, or this machine's own."""


def nearness(address: str) -> int:
    """Say how near an IP address is."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    ip = getattr(ip, "ipv4_mapped", None) or ip
    if ip.is_loopback or ip.is_unspecified:
        return MACHINE
    return OUTSIDE if ip.is_global else NETWORK


class Call:
    """A request and the redirects that it follows. Any thread may end it, at any time.

    A server that redirects must not reach through this machine what it cannot reach itself: no call is
    led to an address that is nearer than the first one.

    Args:
        most: How near the first address may be.
        near: Says how near an address is.
    """

    def __init__(self, *, most: int = MACHINE, near: Callable[[str], int] = nearness) -> None:
        self.ended = False
        self._most, self._near = most, near
        self._lock = threading.Lock()
        # A duplicate: urllib3's own may be gone already (`Connection: close`), or be TLS's, whose state
        # readers need.
        self._socket: socket.socket | None = None

    def through(self, sock: socket.socket, *, proxied: bool) -> None:
        """Note the socket that it goes through from now on.

        Raises:
            SourceError: It is led too near. A proxy decides for itself whom it reaches.
            Interrupted: It was ended.
            OSError: The connection has gone.
        """
        if not proxied:
            self._check(sock.getpeername()[0])
        with self._lock:
            if self.ended:
                raise Interrupted("given up")
            self._forget()
            self._socket = socket.socket(fileno=os.dup(sock.fileno()))

    def end(self) -> None:
        """End it: whoever reads sees the connection end."""
        with self._lock:
            self.ended = True
            if self._socket is not None:
                with suppress(OSError):
                    self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go of the socket."""
        with self._lock:
            self._forget()

    def _check(self, address: str) -> None:
        near = self._near(address)
        if near > self._most:
            raise SourceError(f"leads to {address}, inside {_INSIDE[near]}, where it is not followed")
        self._most = near

    def _forget(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


_INSIDE = {NETWORK: "this network", MACHINE: "this machine"}


@contextmanager
def brief(call: Call, seconds: float) -> Iterator[Call]:
    """Use a call, which ends after so many seconds, however much comes."""
    timer = threading.Timer(seconds, call.end)
    timer.daemon = True
    timer.start()
    try:
        yield call
    finally:
        timer.cancel()
        call.close()

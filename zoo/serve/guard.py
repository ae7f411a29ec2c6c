"""Who may ask: on loopback only those who mean this server, which keeps foreign web pages out.

A page that a user visits can make its browser send requests here, either by resolving its own name to
127.0.0.1 (then Host names the page's host) or across origins (then Origin does).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_KEPT = 64


@dataclass(frozen=True, slots=True)
class Guard:
    """Judges a request by its Host and Origin headers.

    Args:
        host: What the server is bound to. Elsewhere than on loopback every name is allowed, since
            nobody can know by which name such a machine is called.
    """

    host: str

    def refusal(self, hosts: Iterable[str], origins: Iterable[str]) -> str | None:
        """Why a request with these headers is refused; None where it is welcome."""
        if not is_loopback(self.host):
            return None
        for host in hosts:
            if _name(f"//{host}") not in {*_LOOPBACK, self.host}:
                return f"the Host {host[:100]!r} is not this server; it answers to localhost only"
        for origin in origins:
            if _name(origin) not in {*_LOOPBACK, self.host}:
                return f"pages of {origin[:100]!r} may not use this server"
        return None


@lru_cache(_KEPT)
def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what is bound to this host."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@lru_cache(_KEPT)
def _name(url: str) -> str | None:
    """The host of a URL, lower-case, without port and brackets; None where it has none."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # a port that is no number is no honest header
    except ValueError:
        return None
    if parts.username is not None or parts.password is not None or parts.path not in {"", "/"}:
        return None
    return (parts.hostname or "").removesuffix(".") or None

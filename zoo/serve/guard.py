"""Who may ask: those who mean this server, from where the zoofile says, with a key where keys are set.

A page that a user visits can make its browser send requests here, either by resolving its own name to
127.0.0.1 (then Host names the page's host) or across origins (then Origin does).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol
from urllib.parse import urlsplit

from zoo.serve.allowance import Allowances
from zoo.serve.keys import Key, Keyring
from zoo.serve.refusal import Refusal

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_EVERYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared, not bound
_PORTS = {"http": 80, "https": 443}
_OPEN = frozenset({"/", "/health"})  # without a key; the page asks for one before it shows anything
PAGE = "/page/"
_ADMIN = ("/api/", "/metrics", "/update/")
_EXPOSED = "x-eai-model, x-eai-environment, x-eai-fallback, Retry-After"
_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST",
    "Access-Control-Allow-Headers": "Authorization, *",
    "Access-Control-Max-Age": "600",
}


class Headers(Protocol):
    """Headers of a request, as multidict has them: names in any case, each with all of its values."""

    def getall(self, key: str, default: tuple[()], /) -> Sequence[str]:
        """Every value of a header, the default where there is none."""


@dataclass(frozen=True, slots=True)
class Guard:
    """Judges a request by its headers, before anything else is done for it.

    Args:
        host: What the server is bound to. On loopback a request must mean this machine; elsewhere
            nobody can know by which names it is called, unless the zoofile says so.
        hosts: More names by which it may be called; where there are any, no others hold.
        origins: Origins whose pages may use it.
        keyring: The API keys; empty where none is needed.
    """

    host: str
    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    keyring: Keyring = field(default_factory=Keyring)
    allowances: Allowances = field(default_factory=Allowances)

    def refusal(self, method: str, path: str, headers: Headers) -> Refusal | None:
        """Why this request is refused; None where it is welcome."""
        return (
            self._of_host(headers)
            or self._of_origin(headers)
            or (None if self._needs_no_key(method, path, headers) else self._of_key(path, headers))
        )

    def cors(self, headers: Headers) -> dict[str, str]:
        """What the answer to this request says to its browser; nothing where no origin is declared."""
        if not self.origins:
            return {}
        given = headers.getall("Origin", ())
        if len(given) != 1 or given[0].lower() not in self.origins:
            return {"Vary": "Origin"}
        return {
            "Vary": "Origin",
            "Access-Control-Allow-Origin": given[0],
            "Access-Control-Expose-Headers": _EXPOSED,
        }

    def preflight(self, method: str, headers: Headers) -> Mapping[str, str] | None:
        """What a browser is told that asks before its page does; None where this is no such question.

        The header that allows the origin is the one of `cors`; credentials are never allowed.
        """
        asks = method == "OPTIONS" and headers.getall("Access-Control-Request-Method", ())
        return _PREFLIGHT if asks and "Access-Control-Allow-Origin" in self.cors(headers) else None

    def key(self, headers: Headers) -> Key | None:
        """Whose key this request brings."""
        if not self.keyring.keys:
            return None
        found = (self.keyring.find(secret) for secret in _secrets(headers))
        return next((key for key in found if key is not None), None)

    def enter(self, key: Key | None, model: str) -> Refusal | None:
        """Begin a request to a model; None where it may be, and then `leave` ends it."""
        if key is None:
            return None
        if not key.may_use(model):
            return Refusal(403, "model_not_allowed", f"this key may not use {model}")
        return self.allowances.enter(key)

    def leave(self, key: Key | None) -> None:
        """End a request that was let in."""
        if key is not None:
            self.allowances.leave(key)

    def _of_host(self, headers: Headers) -> Refusal | None:
        if not self.hosts and not is_loopback(self.host):
            return None
        named = _LOOPBACK | {self.host.lower(), *self.hosts} - _EVERYWHERE
        for host in headers.getall("Host", ()):
            if (_authority(f"//{host}") or ("", None))[0] not in named:
                return _forbidden(f"the Host {host[:100]!r} is no name of this server")
        return None

    def _of_origin(self, headers: Headers) -> Refusal | None:
        for origin in headers.getall("Origin", ()):
            hosts = headers.getall("Host", ())
            if origin.lower() not in self.origins and not any(_same(origin, host) for host in hosts):
                return _forbidden(f"pages of {origin[:100]!r} may not use this server")
        return None

    def _needs_no_key(self, method: str, path: str, headers: Headers) -> bool:
        if not self.keyring.keys or path in _OPEN or path.startswith(PAGE):
            return True
        return self.preflight(method, headers) is not None

    def _of_key(self, path: str, headers: Headers) -> Refusal | None:
        key = self.key(headers)
        if key is None:
            some = next(_secrets(headers), None) is not None
            message = "this key is not known here" if some else "a key is needed: `Authorization: Bearer KEY`"
            return Refusal(401, "invalid_api_key", message, {"WWW-Authenticate": 'Bearer realm="eai"'})
        if key.models is not None and path.startswith(_ADMIN):
            return _forbidden("this key is for asking models, and for nothing else")
        return None


@lru_cache(maxsize=1)
def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what is bound to this host."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _forbidden(message: str) -> Refusal:
    return Refusal(403, "forbidden", message)


def _secrets(headers: Headers) -> Iterator[str]:
    """The keys that a request brings, as clients of OpenAI and of Anthropic send them."""
    for value in headers.getall("Authorization", ()):
        scheme, _, secret = value.partition(" ")
        if scheme.lower() == "bearer":
            yield secret.strip()
    yield from headers.getall("x-api-key", ())


def _same(origin: str, host: str) -> bool:
    """Whether an origin is the server that a Host header names."""
    asking, asked = _authority(origin), _authority(f"//{host}")
    if asking is None or asked is None:
        return False
    usual = _PORTS.get(origin.partition(":")[0].lower())
    return usual is not None and (asking[0], asking[1] or usual) == (asked[0], asked[1] or usual)


@lru_cache(maxsize=64)
def _authority(url: str) -> tuple[str, int | None] | None:
    """The host of a URL, lower-case, without brackets, and its port; None where it is no honest one."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.username is not None or parts.path not in {"", "/"} or parts.query or parts.fragment:
        return None
    name = (parts.hostname or "").removesuffix(".")
    return (name, port) if name else None

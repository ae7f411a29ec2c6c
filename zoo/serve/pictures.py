"""Fetches the images that a request names by URL, since engines have no network of their own.

What guards it: the policy is asked about the very address that is connected to, for every redirect anew;
nothing of the client's or of this machine's (cookies, credentials, proxies) goes along; size, time and
number are bounded; and only what begins like an image passes.
"""

from __future__ import annotations

import asyncio
import base64
import socket
import ssl
from collections.abc import Iterable
from dataclasses import dataclass, field

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from yarl import URL

from zoo import __version__
from zoo.serve.addresses import Policy
from zoo.serve.answers import Problem

MOST = 8
SIZE = 20 * 2**20
TOGETHER = 48 * 2**20
PATIENCE = 20.0

_AT_ONCE = 16
_REDIRECTS = 3
_LONGEST_URL = 4096
_SHOWN = 100
_MOVED = {301, 302, 303, 307, 308}
_OK = 200
_HEADERS = {"User-Agent": f"eai/{__version__}", "Accept": "image/*", "Accept-Encoding": "identity"}
_STARTS = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
    b"BM": "image/bmp",
}


class _Private(OSError):
    """An address that the policy does not allow."""


class _Failed(Exception):
    """An image that cannot be had; says why."""


@dataclass(slots=True, kw_only=True)
class Pictures:
    """Fetches images.

    Args:
        policy: Where they may come from.
        offline: Whether no connection may be opened at all.
        resolver: Finds a name's addresses; the system's own way where absent.
        size: Bytes that one image may have.
        patience: Seconds that one image may take, redirects included.
    """

    policy: Policy
    offline: bool = False
    resolver: AbstractResolver | None = None
    size: int = SIZE
    patience: float = PATIENCE
    _turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))
    _tls: ssl.SSLContext | None = None

    async def get(self, urls: Iterable[str]) -> dict[str, str]:
        """Fetch images, several at once; each URL's image as a `data:` URL.

        Raises:
            Problem: There are too many, or one of them cannot be had.
        """
        wanted = list(dict.fromkeys(urls))
        if self.offline or not self.policy.public:
            why = (
                "eai was started with --offline" if self.offline else "the zoofile has `remote-images = none`"
            )
            raise _problem(
                "remote_media", wanted[0], f"is not fetched: {why}. Send the bytes, as a data: URL"
            )
        if len(wanted) > MOST:
            raise Problem(
                400,
                "too_many_images",
                f"a request may name {MOST} images by URL, and this names {len(wanted)}",
            )
        try:
            async with asyncio.TaskGroup() as group:
                tasks = {url: group.create_task(self._one(url)) for url in wanted}
        except ExceptionGroup as several:
            raise several.exceptions[0] from several
        found = {url: task.result() for url, task in tasks.items()}
        if sum(map(len, found.values())) > TOGETHER:
            raise Problem(
                413, "images_too_large", f"the images are larger than {TOGETHER >> 20} MiB together"
            )
        return found

    async def _one(self, url: str) -> str:
        try:
            async with self._turns, asyncio.timeout(self.patience):
                return await self._follow(url)
        except TimeoutError as error:
            raise _problem("invalid_image_url", url, f"was not there within {self.patience:g} s") from error
        except _Failed as error:
            raise _problem("invalid_image_url", url, str(error)) from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _of(url, error) from error

    async def _follow(self, url: str) -> str:
        target = URL(url.strip())
        for _ in range(_REDIRECTS + 1):
            host, port = self._require_good(target)
            tls = await self._authorities() if target.scheme == "https" else None
            async with (
                self._session(host, port, tls) as session,
                session.get(target, allow_redirects=False) as answer,
            ):
                if answer.status not in _MOVED:
                    return await self._image(answer)
                target = target.join(URL(answer.headers.get("Location", "")))
        raise _Failed(f"leads on more than {_REDIRECTS} times")

    async def _authorities(self) -> ssl.SSLContext:
        """Who vouches for servers; read once, and only where one is asked, since that takes 20 ms.

        aiohttp's own context knows nobody: see `zoo.serve.run`.
        """
        if self._tls is None:
            self._tls = await asyncio.to_thread(ssl.create_default_context)
        return self._tls

    def _session(self, host: str, port: int, tls: ssl.SSLContext | None) -> aiohttp.ClientSession:
        """A client for one host, which brings nothing along; of every socket the address is checked.

        The resolver refuses a name if one of its addresses is no good. A host that is written as a
        number, in whichever way, is not given to it: there the check of the socket is the one.
        """

        def open_socket(info: aiohttp.AddrInfoType) -> socket.socket:
            family, kind, protocol, _, address = info
            if not self.policy.allows(host, port, str(address[0])):
                raise _Private
            return socket.socket(family, kind, protocol)

        connector = aiohttp.TCPConnector(
            resolver=_Checked(self.policy, port, self.resolver or ThreadedResolver()),
            socket_factory=open_socket,
            ssl=tls or True,
            use_dns_cache=False,
            force_close=True,
        )
        return aiohttp.ClientSession(
            connector=connector, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False, headers=_HEADERS
        )

    def _require_good(self, target: URL) -> tuple[str, int]:
        """The host and the port of a URL that may be asked for."""
        host, port = (target.host or "").lower().removesuffix("."), target.port
        if target.scheme not in {"http", "https"} or not host or port is None:
            raise _Failed("leads to what is no http or https URL")
        if target.user is not None or target.password is not None:
            raise _Failed("holds a user or a password, which go nowhere from here")
        if len(str(target)) > _LONGEST_URL:
            raise _Failed(f"is longer than {_LONGEST_URL} characters")
        if not self.policy.knocks(host, port):
            raise _Private
        return host, port

    async def _image(self, answer: aiohttp.ClientResponse) -> str:
        if answer.status != _OK:
            raise _Failed(f"gave status {answer.status}")
        if not answer.content_type.startswith("image/"):
            raise _Failed(f"is no image but {answer.content_type[:_SHOWN]}")
        if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise _Failed("came compressed, which nobody asked for")
        data = bytearray()
        async for chunk in answer.content.iter_any():
            data += chunk
            if len(data) > self.size:
                raise _Failed(f"is larger than {self.size >> 20} MiB")
        return f"data:{_kind(data)};base64,{base64.b64encode(data).decode()}"


def _kind(data: bytearray) -> str:
    """The type of an image by how it begins."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    for start, kind in _STARTS.items():
        if data.startswith(start):
            return kind
    raise _Failed("is none of png, jpeg, webp, gif and bmp")


class _Checked(AbstractResolver):
    """Finds a name's addresses, and refuses the name if any of them is not allowed."""

    def __init__(self, policy: Policy, port: int, inner: AbstractResolver) -> None:
        self._policy, self._port, self._inner = policy, port, inner

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Find them; see `AbstractResolver`."""
        found = await self._inner.resolve(host, port, family)
        asked = host.lower().removesuffix(".")
        if not all(self._policy.allows(asked, self._port, each["host"]) for each in found):
            raise _Private
        return found

    async def close(self) -> None:
        """Nothing is kept open."""


def _of(url: str, error: Exception) -> Problem:
    """Why a URL could not be asked; an address that is not allowed is told from one that is not there."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, _Private):
            return _problem(
                "remote_media",
                url,
                "is not public, and images come from public addresses only "
                "(hint: `remote-images` of [server] can list a host; or send the bytes, as a data: URL)",
            )
        cause = cause.__cause__ or getattr(cause, "os_error", None)
    if isinstance(error, aiohttp.InvalidURL | ValueError):
        return _problem("invalid_image_url", url, "is no URL")
    return _problem("invalid_image_url", url, "cannot be fetched: its server gave no answer")


def _problem(code: str, url: str, why: str) -> Problem:
    return Problem(400, code, f"the image {url.strip()[:_SHOWN]!r} {why}", param="url")

"""The source `url`: any file on the web, named by its address."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import unquote, urlsplit

from zoo.errors import SourceError
from zoo.lock.model import SourceKind
from zoo.sources.base import Download, Found
from zoo.sources.http import Patience, open_url
from zoo.zoofile.model import Origin

if TYPE_CHECKING:
    import httpx2


class Url:
    """Opens web addresses.

    Args:
        client: Gives the HTTP client, when one is needed.
        patience: How long to wait for what.
    """

    kind: ClassVar[SourceKind] = "url"
    local: ClassVar[bool] = False

    def __init__(self, client: Callable[[], httpx2.Client], patience: Patience | None = None) -> None:
        self._client, self._patience = client, patience

    def find(self, origin: Origin) -> tuple[Found, ...]:
        """Take the address as it is: it says neither a size nor a digest that could be believed.

        Raises:
            SourceError: It is no web address, or holds a password that would end up in the lock.
        """
        url = check(origin.url or "")
        name = unquote(urlsplit(url).path.rpartition("/")[2])
        if not name:
            raise SourceError(f"{url} names no file", hint="the address must end with a file's name")
        return (Found(path=name, uri=url, size=None, digest=None),)

    def open(self, uri: str, *, size: int | None) -> AbstractContextManager[Download]:
        """Open the file at an address; nothing is sent until it is read.

        Raises:
            SourceError: It is no web address.
        """
        return open_url(self._client(), check(uri), size=size, patience=self._patience)


def check(url: str) -> str:
    """Give a web address back.

    Raises:
        SourceError: It is none, or holds credentials.
    """
    try:
        parts = urlsplit(url)
        host, secret = parts.hostname, parts.username or parts.password
    except ValueError:
        raise SourceError(f"{url[:200]!r} is no web address") from None
    if parts.scheme not in {"http", "https"} or not host:
        raise SourceError(f"{url[:200]!r} is no web address", hint="it begins with https:// and a host")
    if secret:
        raise SourceError(
            f"the address of a file at {host} holds credentials", hint="the lock is no place for them"
        )
    return url

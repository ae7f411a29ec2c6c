"""HTTP for many small answers: urllib3, which spends half the time on each that httpx2 does.

Nothing is kept between requests but connections: no cookies, no credentials, no retries. Redirects are
given as they are, for those who ask to judge.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urljoin, urlsplit
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]  # typeshed lacks it

from zoo import __version__
from zoo.errors import Interrupted, SourceError
from zoo.sources.calls import Call

if TYPE_CHECKING:
    import ssl

    import urllib3

HERE = ("localhost", "127.0.0.1", "[::1]")
"""Hosts that are this machine: none is asked through a proxy, to which these names mean another one."""

_HOSTS, _CONNECTIONS = 32, 32
"""How many hosts connections are kept to, and how many to each."""


@dataclass(frozen=True, slots=True)
class Wait:
    """How long to wait, in seconds: for a connection, and each time for more of an answer."""

    connect: float
    more: float


class Answer:
    """An answer that has begun.

    Attributes:
        status: Its number.
        headers: Their names in any case.
    """

    def __init__(self, url: str, response: urllib3.BaseHTTPResponse) -> None:
        self.status: int = response.status
        self.headers: Mapping[str, str] = response.headers
        self._url, self._response = url, response

    def read(self, most: int) -> bytes:
        """Read so many bytes, or fewer where it ends; none at its end.

        Raises:
            Interrupted: It breaks off.
        """
        with _said_plainly(self._url):
            return self._response.read(most, decode_content=False)

    def close(self) -> None:
        """Let go of it; the connection is kept if all of it was read."""
        self._response.close()


class Web:
    """Sends requests; threads may share it.

    Args:
        proxies: The address of each scheme's (or of `all`), and under `no` who is asked without one, as
            `urllib.request.getproxies` gives them.
    """

    def __init__(self, proxies: Mapping[str, str]) -> None:
        self._proxies = dict(proxies)
        self._managers: dict[tuple[str | None, bool], urllib3.PoolManager] = {}
        self._lock = threading.Lock()
        self._here = threading.local()
        # To read an address takes about as long as all else here that is not the network's.
        self._manager = lru_cache(_HOSTS)(self._choose)

    def get(self, url: str, *, accept: str, wait: Wait, call: Call) -> Answer:
        """Ask for a URL, by a call; whatever is answered, its body has yet to be read.

        Raises:
            SourceError: It is no web address, or one that the call may not reach; `Interrupted`: nothing
                is answered.
        """
        import urllib3  # noqa: PLC0415 - 40 ms that only those who fetch should pay

        headers = {"User-Agent": f"eai/{__version__}", "Accept": accept, "Accept-Encoding": "identity"}
        timeout = urllib3.Timeout(connect=wait.connect, read=wait.more)
        self._here.call = call
        with _said_plainly(url):
            response = self._manager(_origin(url)).urlopen(
                "GET",
                url,
                redirect=False,
                retries=False,
                preload_content=False,
                headers=headers,
                timeout=timeout,
            )
        return Answer(url, response)

    def close(self) -> None:
        """End the connections that are kept."""
        with self._lock:
            for manager in self._managers.values():
                manager.clear()

    def _choose(self, origin: str) -> urllib3.PoolManager:
        from urllib3.util import parse_url  # noqa: PLC0415 - loaded already, by `get`

        address = parse_url(origin)
        proxy = None
        if address.host not in HERE and not proxy_bypass_environment(address.netloc or "", self._proxies):
            proxy = self._proxies.get(address.scheme or "") or self._proxies.get("all")
        secure = address.scheme == "https" or (proxy or "").startswith("https:")
        with self._lock:
            if (proxy, secure) not in self._managers:
                manager = _manager(proxy, _trust() if secure else None)
                manager.pool_classes_by_scheme = _pools(lambda: self._here.call)
                self._managers[proxy, secure] = manager
            return self._managers[proxy, secure]


def _origin(url: str) -> str:
    """Give the scheme and authority of a URL."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}"


def _manager(proxy: str | None, trust: ssl.SSLContext | None) -> urllib3.PoolManager:
    import urllib3  # noqa: PLC0415 - loaded already, by `Web.get`

    if proxy is None:
        return urllib3.PoolManager(_HOSTS, maxsize=_CONNECTIONS, ssl_context=trust)
    address = urllib3.util.parse_url(proxy)
    return urllib3.ProxyManager(
        address._replace(auth=None).url,
        _HOSTS,
        proxy_headers=urllib3.make_headers(proxy_basic_auth=unquote(address.auth)) if address.auth else None,
        proxy_ssl_context=trust,
        maxsize=_CONNECTIONS,
        ssl_context=trust,
    )


def _pools(here: Callable[[], Call]) -> dict[str, type[urllib3.HTTPConnectionPool]]:
    """Make pools of connections that tell the call of this thread which socket it goes through."""
    from urllib3 import HTTPConnectionPool, HTTPSConnectionPool  # noqa: PLC0415 - loaded already, by `Web.get`
    from urllib3.connection import HTTPConnection, HTTPSConnection  # noqa: PLC0415 - as above

    class Told(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            sock = super()._new_conn()
            try:
                self._tell(sock)
            except BaseException:
                sock.close()
                raise
            return sock

        def request(self, *args: Any, **more: Any) -> None:  # noqa: ANN401 - handed on as it is
            if self.sock is not None:
                self._tell(self.sock)
            super().request(*args, **more)

        def _tell(self, sock: socket.socket) -> None:
            here().through(sock, proxied=self.proxy is not None)

    class ToldSecurely(Told, HTTPSConnection):
        pass

    class Plain(HTTPConnectionPool):
        ConnectionCls = Told

    class Secure(HTTPSConnectionPool):
        ConnectionCls = ToldSecurely

    return {"http": Plain, "https": Secure}


def _trust() -> ssl.SSLContext:
    """Trust whom all other sources trust."""
    from httpx2 import create_ssl_context  # noqa: PLC0415 - 100 ms that only those who need TLS should pay

    return create_ssl_context()


def redirected(url: str, location: str) -> str:
    """Give the URL that an answer from another one redirects to, without credentials.

    Raises:
        SourceError: It is none, or https would become something else.
    """
    try:
        target = urlsplit(urljoin(url, location))
    except ValueError:
        raise SourceError(f"{url}: redirects to {location[:200]!r}, which is no web address") from None
    if target.scheme not in {"https", urlsplit(url).scheme}:
        raise SourceError(
            f"{url}: redirects from {urlsplit(url).scheme} to {target.scheme[:40] or 'nowhere'}"
        )
    return target._replace(netloc=target.netloc.rpartition("@")[2]).geturl()


@contextmanager
def _said_plainly(url: str) -> Iterator[None]:
    """Say for people what the library says for programmers."""
    from urllib3 import exceptions  # noqa: PLC0415 - loaded already, by `Web.get`

    try:
        yield
    except SourceError as error:
        raise type(error)(f"{url}: {error.message}", hint=error.hint) from None
    except exceptions.LocationValueError as error:
        raise SourceError(f"{url}: {error}") from error
    except exceptions.ReadTimeoutError as error:
        raise Interrupted(f"{url}: no more bytes came in time") from error
    except (exceptions.NewConnectionError, exceptions.ProxyError, exceptions.SSLError) as error:
        raise Interrupted(f"{url}: no connection ({error})") from error
    except exceptions.ConnectTimeoutError as error:
        raise Interrupted(f"{url}: no connection in time") from error
    except exceptions.HTTPError as error:
        what = (
            error.args[0] if error.args else error
        )  # behind it there may be another exception, for programmers
        raise Interrupted(f"{url}: the connection ended ({what})") from error

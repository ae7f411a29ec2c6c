"""Files over HTTP: ranges of them, from servers that may be wrong, slow or hostile.

RFC 9110 is followed, and every answer is held against what was asked and what was promised: a 206
must say exactly the range that was asked for, no more bytes are taken than were announced, and the
file must be the same one at every request. Redirects are followed here, so that credentials go to
the first host only and https never becomes http.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING, Protocol

from zoo import __version__
from zoo.errors import Interrupted, SizeMismatch, SourceChanged, SourceError
from zoo.sources.answers import Range, content_range, length, refuse
from zoo.sources.base import Body
from zoo.sources.underway import Underway
from zoo.sources.web import HERE

if TYPE_CHECKING:
    import httpx2

_MOST_REDIRECTS = 10
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_OK, _PARTIAL, _UNSATISFIABLE = 200, 206, 416
_STALE_LINK = frozenset({401, 403, 404, 410})


class _HasSocket(Protocol):
    def get_extra_info(self, info: str) -> socket.socket | None: ...


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait, in seconds.

    Attributes:
        connect: For a connection.
        first: For the beginning of an answer.
        stall: For more bytes of an answer that has begun.
    """

    connect: float = 10
    first: float = 10
    stall: float = 30


def new_client() -> httpx2.Client:
    """Make a client that keeps nothing between requests but connections.

    Proxies and certificates come from the environment, as everywhere.
    """
    import httpx2  # noqa: PLC0415 - 100 ms that only those who fetch should pay

    headers = {"User-Agent": f"eai/{__version__}", "Accept": "*/*", "Accept-Encoding": "identity"}
    cookies = CookieJar(policy=DefaultCookiePolicy(allowed_domains=[]))
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=32)
    straight = {f"all://{host}": None for host in HERE}
    return httpx2.Client(headers=headers, cookies=cookies, limits=limits, mounts=straight)


@contextmanager
def open_url(
    client: httpx2.Client,
    url: str,
    *,
    size: int | None,
    headers: Mapping[str, str] | None = None,
    patience: Patience | None = None,
) -> Iterator[HttpDownload]:
    """Open a file at a URL; nothing is sent until it is read.

    Args:
        client: Sends the requests; threads may share it.
        url: `http://` or `https://`.
        size: How many bytes it must have, if that is known.
        headers: Credentials and the like, for the URL's own host only.
        patience: How long to wait for what.
    """
    download = HttpDownload(client, url, size=size, headers=headers or {}, patience=patience or Patience())
    try:
        yield download
    finally:
        download.close()


class HttpDownload:
    """A file at a URL; see `zoo.sources.base.Download`."""

    def __init__(
        self,
        client: httpx2.Client,
        url: str,
        *,
        size: int | None,
        headers: Mapping[str, str],
        patience: Patience,
    ) -> None:
        self.size: int | None = size
        self.validator: str | None = None
        self._client, self._url, self._headers, self._patience = client, url, dict(headers), patience
        self._direct: str | None = None
        self._seen = False
        self._whole = False
        self._lock = threading.Lock()
        self._underway = Underway(url)

    @contextmanager
    def read(self, start: int, stop: int | None) -> Iterator[Body]:
        """Ask for a range; see `zoo.sources.base.Download.read`.

        Raises:
            SourceError: In any of its forms.
            SizeMismatch: The file is longer or shorter than it must be.
        """
        import httpx2  # noqa: PLC0415 - loaded already: there is a client

        try:
            asked = None if self._whole or (start == 0 and stop is None) else Range(start, stop)
            response = self._ask(asked)
            try:
                yield self._body(response, asked)
            finally:
                self._underway.forget(response)
        except (httpx2.TransportError, httpx2.StreamError) as error:
            raise Interrupted(f"{self._url}: {plain(error)}") from error
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise SourceError(f"{self._url}: {error}") from error

    def close(self) -> None:
        """End every answer that is still being read: its readers see the connection end."""
        self._underway.close()

    def _ask(self, asked: Range | None) -> httpx2.Response:
        """Send the request, first to where the last one was redirected to: signed links live a while."""
        if self._direct is not None:
            response = self._send(self._direct, asked, {})
            if response.status_code not in _STALE_LINK | _REDIRECTS:
                return response
            self._underway.forget(response)
            self._direct = None
        return self._follow(asked)

    def _follow(self, asked: Range | None) -> httpx2.Response:
        url, headers = self._url, self._headers
        for _ in range(_MOST_REDIRECTS):
            response = self._send(url, asked, headers)
            if response.status_code not in _REDIRECTS:
                self._direct = url if url != self._url else None
                return response
            self._underway.forget(response)
            url, headers = self._next(response), {}
        raise SourceError(f"{self._url}: more than {_MOST_REDIRECTS} redirects")

    def _next(self, response: httpx2.Response) -> str:
        here, target = response.request.url, response.headers.get("location", "")
        there = here.join(target)
        if there.scheme not in {"http", "https"} or not there.host:
            raise SourceError(f"{self._url}: redirects to {target[:200]!r}, which is no web address")
        if here.scheme == "https" and there.scheme == "http":
            raise SourceError(f"{self._url}: redirects from https to http, to {there.host}; that is refused")
        return str(there.copy_with(username=None, password=None))

    def _send(self, url: str, asked: Range | None, headers: Mapping[str, str]) -> httpx2.Response:
        import httpx2  # noqa: PLC0415 - loaded already: there is a client

        wait = self._patience
        timeout = httpx2.Timeout(connect=wait.connect, read=wait.first, write=wait.first, pool=None)
        every = {**headers, **({"Range": str(asked)} if asked is not None else {})}
        request = self._client.build_request("GET", url, headers=every, timeout=timeout)
        response = self._client.send(request, stream=True, follow_redirects=False)
        # httpx has one read timeout; its transport looks it up again when the body begins.
        request.extensions["timeout"]["read"] = wait.stall
        self._underway.add(response, _socket(response))
        return response

    def _body(self, response: httpx2.Response, asked: Range | None) -> Body:
        status = response.status_code
        if status == _UNSATISFIABLE and asked is not None:
            return self._body(self._whole_again(response), None)
        if status not in {_OK, _PARTIAL}:
            refuse(self._url, status, response.headers)
        if (coding := response.headers.get("content-encoding", "identity").lower()) != "identity":
            raise SourceError(f"{self._url}: sends the file as {coding}, though asked for it as it is")
        if status == _PARTIAL:
            got, total = content_range(self._url, response.headers, asked)
        else:
            total = length(self._url, response.headers)
            got = Range(0, total)
        self._same(response, total)
        return Body(got.start, self._chunks(response, got), got.stop)

    def _whole_again(self, refused: httpx2.Response) -> httpx2.Response:
        """After a 416, once: the server may know no ranges, or the file may be another than we think."""
        total = refused.headers.get("content-range", "").removeprefix("bytes */")
        self._underway.forget(refused)
        if self._whole:
            raise SourceError(f"{self._url}: refuses a range that it was not asked for")
        if total.isdecimal() and self.size not in {None, int(total[:20])}:
            raise SizeMismatch(f"{self._url}: has {total[:20]} bytes, expected {self.size}")
        self._whole = True
        return self._follow(None)

    def _same(self, response: httpx2.Response, total: int | None) -> None:
        """Check that this is the file that we asked for and have read from before."""
        headers = response.headers
        found = headers.get("etag") or headers.get("last-modified")
        with self._lock:
            if not self._seen:
                self._seen, self.validator = True, found
            if found != self.validator:
                raise SourceChanged(f"{self._url}: the file changed while it was read")
            if self.size is None:
                self.size = total
        if total is not None and total != self.size:
            raise SizeMismatch(f"{self._url}: has {total:,} bytes, expected {self.size:,}")

    def _chunks(self, response: httpx2.Response, got: Range) -> Iterator[bytes]:
        """Yield what was announced; more is cut off and refused, less is an interruption."""
        import httpx2  # noqa: PLC0415 - loaded already: there is a client

        end = got.stop if got.stop is not None else self.size
        offset = got.start
        try:
            for chunk in response.iter_raw():
                offset += len(chunk)
                if end is not None and offset > end:
                    raise SizeMismatch(f"{self._url}: sends more than the {end - got.start:,} bytes expected")
                yield chunk
        except (httpx2.TransportError, httpx2.StreamError) as error:
            raise Interrupted(f"{self._url}: {plain(error)}, at byte {offset:,}") from error
        if end is not None and offset < end:
            if not {"content-length", "transfer-encoding"} & response.headers.keys():
                # Where the end of the connection is the end of the file, nobody can tell which it was.
                raise Interrupted(f"{self._url}: the connection ended at byte {offset:,}")
            raise SizeMismatch(f"{self._url}: ends after {offset:,} bytes, expected {end:,}")


def _socket(response: httpx2.Response) -> socket.socket | None:
    stream: _HasSocket | None = response.extensions.get("network_stream")
    return stream.get_extra_info("socket") if stream is not None else None


def plain(error: Exception) -> str:
    """Say for people what the HTTP library says for programmers."""
    import httpx2  # noqa: PLC0415 - loaded already: it raised

    if isinstance(error, httpx2.ConnectTimeout):
        return "no connection in time"
    if isinstance(error, httpx2.ReadTimeout):
        return "no more bytes came in time"
    if isinstance(error, httpx2.LocalProtocolError):
        return "the request can't be sent; is there a blank in a token?"  # the error would show it
    if isinstance(error, httpx2.ConnectError):
        return f"no connection ({error})"
    return f"the connection ended ({error})"

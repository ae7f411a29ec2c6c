"""Talking to a target over HTTP: bodies of known length go out as they are read, answers come back bounded.

No redirect is followed, so that credentials reach the host that they are for and no other.
"""

from __future__ import annotations

import email.utils
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlsplit

from zoo import __version__
from zoo.config import is_base
from zoo.errors import AccessDenied, Interrupted, Malformed, TargetError
from zoo.sources.web import HERE

if TYPE_CHECKING:
    import httpx2

ANSWER_MAX = 4 << 20
"""The most bytes of an answer that is not a file."""

_REASON_MAX = 300
"""The hosts that are this machine, for certain; a name that a resolver knows may be any."""
_OK, _REDIRECT, _FAULT = 200, 300, 500
_QUOTA = frozenset({402, 507})
_DENIED = frozenset({401, 403})
_TOO_LARGE, _TOO_MANY, _TIMEOUT = 413, 429, 408


@dataclass(frozen=True, slots=True)
class Body:
    """What is sent: so many bytes, of this type, made by `chunks` each time that they are sent."""

    chunks: Callable[[], Iterable[bytes]]
    size: int
    kind: str


@dataclass(frozen=True, slots=True)
class Api:
    """The address of a target, and how to be let in.

    Attributes:
        client: Sends the requests.
        base: The URL that paths are put behind.
        label: What people know the target by.
        key_hint: What to do where it does not let us in.
        headers: Credentials, for every request.
    """

    client: httpx2.Client
    base: str
    label: str
    key_hint: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not is_base(self.base):
            # What stands before an @, or behind a ?, may be a secret.
            told = "its address" if {"@", "?"} & set(self.base) else repr(self.base[:_REASON_MAX])
            raise TargetError(
                f"{self.label}: {told} is no web address: http://HOST:PORT, with no password or query",
                hint=self.key_hint,
            )
        parts = urlsplit(self.base)
        host = f"[{parts.hostname}]" if ":" in str(parts.hostname) else parts.hostname
        if self.headers and parts.scheme == "http" and host not in HERE:
            raise TargetError(
                f"{self.label}: a password or token would go to {host} in clear text",
                hint="use https, or a tunnel from this machine",
            )

    def json(self, method: str, path: str, *, timeout: float = 60, **more: Any) -> Any:  # noqa: ANN401 - as json
        """Ask, and read the answer as one JSON value; `more` as for `answer`.

        Raises:
            EaiError: As `answer` does; `Malformed` where it is none.
        """
        with self.answer(method, path, timeout=timeout, **more) as chunks:
            return self._parsed(_all(self.label, chunks))

    def lines(self, method: str, path: str, *, timeout: float = 60, **more: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - as above
        """Ask, and read the answer as JSON values, one a line; `more` as for `answer`.

        Raises:
            EaiError: As `answer` does; `Interrupted` where it ends within a line.
        """
        with self.answer(method, path, timeout=timeout, **more) as chunks:
            text = _all(self.label, chunks)
        values = [self._parsed(line) for line in text.splitlines() if line.strip()]
        return [value for value in values if isinstance(value, dict)]

    @contextmanager
    def answer(
        self,
        method: str,
        path: str,
        *,
        timeout: float = 60,
        params: Mapping[str, str] | None = None,
        body: Body | None = None,
        value: object = None,
        accept: str = "*/*",
    ) -> Iterator[Iterator[bytes]]:
        """Ask, and give the answer's bytes as they come.

        Args:
            method: Of HTTP.
            path: Behind the base.
            timeout: Seconds to wait for the answer to begin, and then for each further byte.
            params: The query.
            body: What is sent.
            value: What is sent instead, as JSON.
            accept: Which types of answers will do.

        Raises:
            Interrupted: The connection broke, or the target says that asking again may help.
            AccessDenied: It does not let us in.
            TargetError: It refuses.
        """
        import httpx2  # noqa: PLC0415 - loaded already: there is a client

        request = self._request(method, path, timeout, params, body if value is None else _json(value))
        request.headers["Accept"] = accept
        try:
            response = self.client.send(request, stream=True, follow_redirects=False)
            try:
                if not _OK <= response.status_code < _REDIRECT:
                    self._refuse(response, path)
                yield response.iter_raw()
            finally:
                response.close()
        except (httpx2.TransportError, httpx2.StreamError) as error:
            raise Interrupted(f"{self.label} at {self.base}: {_plain(error)}") from error

    def _request(
        self,
        method: str,
        path: str,
        timeout: float,
        params: Mapping[str, str] | None,
        body: Body | None,
    ) -> httpx2.Request:
        import httpx2  # noqa: PLC0415 - loaded already: there is a client

        headers = dict(self.headers)
        if body is not None:
            headers |= {"Content-Type": body.kind, "Content-Length": str(body.size)}
        return self.client.build_request(
            method,
            f"{self.base.rstrip('/')}/{path}",
            params=params,
            headers=headers,
            content=None if body is None else body.chunks(),
            timeout=httpx2.Timeout(connect=10, read=timeout, write=60, pool=None),
        )

    def told(self, value: object) -> str:
        """Make what the target said fit to be shown: short, on one line, and without our credentials."""
        text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
        for header in self.headers.values():
            text = text.replace(header.rpartition(" ")[2], "…")
        return shown(text)

    def _parsed(self, text: bytes) -> Any:  # noqa: ANN401 - whatever json can hold
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            said = self.told(text)
            raise Interrupted(f"{self.label}: the answer is cut, or is no JSON: {said!r}") from None

    def _refuse(self, response: httpx2.Response, path: str) -> NoReturn:
        """Say what an answer means that is no success."""
        status = response.status_code
        said = f": {text}" if (text := self.told(_reason(response))) else ""
        where = f"{self.label} at {self.base.rstrip('/')}/{path}"
        if status in _DENIED:
            raise AccessDenied(f"{where} does not let us in ({status}){said}", hint=self.key_hint)
        if status in _QUOTA:
            raise TargetError(
                f"{where}: the account's quota is used up ({status}){said}",
                hint="free some of it, or buy more; then run the command again: it goes on from here",
            )
        if status == _TOO_LARGE:
            raise TargetError(
                f"{where} refuses a file of this size ({status}){said}",
                hint="preserve it at another target, such as `--to kubo`, whose limits are your own",
            )
        if status in {_TOO_MANY, _TIMEOUT} or status >= _FAULT:
            after = _seconds(response.headers.get("retry-after"))
            what = "is asked too often" if status == _TOO_MANY else "has a problem of its own"
            raise Interrupted(f"{where} {what} ({status}){said}", retry_after=after)
        raise TargetError(f"{where} answers {status}{said}")


def new_client() -> httpx2.Client:
    """Make a client that keeps nothing between requests but connections.

    Raises:
        TargetError: The environment names a proxy that cannot be used.
    """
    import httpx2  # noqa: PLC0415 - 100 ms that only those who connect should pay

    headers = {"User-Agent": f"eai/{__version__}", "Accept": "*/*", "Accept-Encoding": "identity"}
    try:
        return httpx2.Client(headers=headers, mounts={f"all://{host}": None for host in HERE})
    except (httpx2.InvalidURL, ValueError, ImportError):
        raise TargetError(
            "the environment names a proxy that is none of HTTP",
            hint="HTTP_PROXY, HTTPS_PROXY and ALL_PROXY are written as http://HOST:PORT; unset what is not",
        ) from None


def _json(value: object) -> Body:
    text = json.dumps(value).encode()
    return Body(lambda: (text,), len(text), "application/json")


def _all(label: str, chunks: Iterable[bytes]) -> bytes:
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > ANSWER_MAX:
            raise Malformed(f"{label} answers with more than {ANSWER_MAX} bytes")
    return bytes(body)


def shown(text: str) -> str:
    """Cut what a server said, and take out what a terminal would act on."""
    return "".join(char if char.isprintable() else " " for char in text[:_REASON_MAX]).strip()


def _reason(response: httpx2.Response) -> bytes | str:
    """Find the reason in the body of an error: Kubo's, the pinning services', or plain text."""
    body = bytearray()
    for chunk in response.iter_raw():
        body += chunk
        if len(body) > ANSWER_MAX:
            break
    try:
        value = json.loads(bytes(body))
    except (ValueError, RecursionError):
        value = None
    return _named(value) if isinstance(value, dict) else bytes(body)


def _named(value: dict[str, Any]) -> str:
    inner = value.get("error")
    if isinstance(inner, dict):
        parts = (inner.get("reason"), inner.get("details"))
    else:
        parts = (value.get("Message") or value.get("message") or inner, None)
    return ": ".join(str(part) for part in parts if part)


def _seconds(text: str | None) -> float | None:
    """Read a Retry-After header, in seconds from now (RFC 9110, 10.2.3)."""
    if text is None:
        return None
    if text.strip().isdecimal():
        return float(text[:10])
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


def _plain(error: Exception) -> str:
    """Say for people what the HTTP library says for programmers."""
    import httpx2  # noqa: PLC0415 - loaded already: it raised

    if isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout):
        return f"no connection ({error})"
    if isinstance(error, httpx2.ReadTimeout):
        return "no answer in time"
    return f"the connection ended ({error})"

"""The releases of a repository, as GitHub's REST API tells them, or that of a GitHub Enterprise server.

Version 2022-11-28 of the API. A token goes to the host of the API and to no other, and across no redirect.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote, urlsplit

import msgspec

from zoo.digest import Digest
from zoo.errors import AccessDenied, Interrupted, NotThere, SourceError
from zoo.sources.http import new_client

if TYPE_CHECKING:
    import httpx2

_API, _SERVER = "https://api.github.com", "https://github.com"
_PAGE = 30
"""Releases a page: those of llama.cpp have some 40 files, and take 70 kB of JSON each."""
_MOST_PAGES = 3
_LARGEST = 32 << 20
_TRIES = 3
_MOST_REDIRECTS = 5
_TIMEOUT = 30.0
_OK, _UNAUTHORISED, _FORBIDDEN, _NOT_FOUND, _TOO_MANY, _BROKEN = 200, 401, 403, 404, 429, 500
_REDIRECTS = frozenset({301, 302, 307, 308})
_T = TypeVar("_T")

_SHA256 = re.compile(r"sha256:(?P<hex>[0-9a-fA-F]{64})")


class Asset(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a release, as the API describes it; `digest` is null for what was uploaded before 2025-06."""

    name: str
    size: int
    state: str = "uploaded"
    digest: str | None = None

    def sha256(self) -> Digest | None:
        """Its digest; None where the API states none."""
        match = _SHA256.fullmatch(self.digest or "")
        return Digest.of_hex(match["hex"].lower()) if match else None


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """A release, as the API describes it."""

    tag_name: str
    draft: bool = False
    assets: tuple[Asset, ...] = ()

    def complete(self) -> dict[str, Asset]:
        """The files that are wholly there, by name: an upload under way is listed too."""
        return {asset.name: asset for asset in self.assets if asset.state == "uploaded" and asset.size > 0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Hub:
    """Where GitHub is, and who asks.

    Attributes:
        api: The address of the API.
        server: The address of the web server, which has the files.
        token: For the API alone.
    """

    api: str = _API
    server: str = _SERVER
    token: str | None = field(default=None, repr=False)


def configured(env: Mapping[str, str]) -> Hub:
    """Find it as GitHub's own tools do: GITHUB_API_URL, GITHUB_SERVER_URL, GITHUB_TOKEN.

    Raises:
        SourceError: An address is none.
    """
    return Hub(
        api=_address(env, "GITHUB_API_URL", _API),
        server=_address(env, "GITHUB_SERVER_URL", _SERVER),
        token=env.get("GITHUB_TOKEN", "").strip() or None,
    )


def _address(env: Mapping[str, str], name: str, usual: str) -> str:
    text = env.get(name, "").strip().rstrip("/") or usual
    if not _is_base(text):
        raise SourceError(f"{name} is no web address", hint=f"it is {usual} where it is not set")
    return text


def _is_base(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    bare = not (parts.username or parts.query or parts.fragment)
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and bare


class Releases:
    """Asks the API about releases.

    Args:
        hub: Where it is.
        client: Makes an HTTP client; each is closed after one question.
        now: Seconds since 1970, to say how long a limit lasts.
        sleep: Waits before another try.
    """

    def __init__(
        self,
        hub: Hub,
        client: Callable[[], httpx2.Client] = new_client,
        *,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._hub, self._client, self._now, self._sleep = hub, client, now, sleep

    def tagged(self, repository: str, tag: str) -> Release:
        """Give the release of a tag.

        Raises:
            NotThere: The repository has none.
            SourceError: In any other of its forms.
        """
        path = f"/repos/{repository}/releases/tags/{quote(tag, safe='')}"
        return self._ask(path, Release, f"a release {tag} of {repository}")

    def newest(self, repository: str) -> Iterator[Release]:
        """Yield the releases, the newest first, page by page as they are wanted; at most 90.

        Raises:
            SourceError: In any of its forms.
        """
        for page in range(1, _MOST_PAGES + 1):
            path = f"/repos/{repository}/releases?per_page={_PAGE}&page={page}"
            releases = self._ask(path, list[Release], f"the releases of {repository}")
            yield from releases
            if len(releases) < _PAGE:
                return

    def _ask(self, path: str, kind: type[_T], what: str) -> _T:
        body = self._patiently(path, what)
        try:
            return msgspec.json.decode(body, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise SourceError(
                f"what {self._hub.api} answers about {what} is not GitHub's API",
                hint="see GITHUB_API_URL, and whether a proxy asks for a login",
            ) from None

    def _patiently(self, path: str, what: str) -> bytes:
        for failures in range(1, _TRIES):
            try:
                return self._get(path, what)
            except Interrupted as error:
                self._sleep(min(error.retry_after or failures, _TIMEOUT))
        return self._get(path, what)

    def _get(self, path: str, what: str) -> bytes:
        """Ask once. Where a repository was renamed, the API redirects: without the token from then on."""
        import httpx2  # noqa: PLC0415 - loaded already, or about to be: there is a client

        url, headers = f"{self._hub.api}{path}", self._headers()
        try:
            with self._client() as client:
                for _ in range(_MOST_REDIRECTS):
                    with client.stream("GET", url, headers=headers, timeout=_TIMEOUT) as response:
                        if response.status_code not in _REDIRECTS:
                            return self._body(response, what)
                    url = self._next(response)
                    headers.pop("Authorization", None)
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError) as error:
            raise Interrupted(
                f"{self._hub.api} cannot be asked about {what}: {type(error).__name__}",
                hint="see whether there is a connection; GITHUB_API_URL may name another place",
            ) from None
        raise SourceError(f"{self._hub.api}: more than {_MOST_REDIRECTS} redirects")

    def _headers(self) -> dict[str, str]:
        headers = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
        if self._hub.token is not None:
            headers["Authorization"] = f"Bearer {self._hub.token}"
        return headers

    def _next(self, response: httpx2.Response) -> str:
        here = response.request.url
        there = here.join(response.headers.get("location", ""))
        if there.scheme not in {"http", "https"} or (here.scheme == "https" and there.scheme == "http"):
            raise SourceError(f"{self._hub.api}: redirects to what is no safe address")
        return str(there.copy_with(username=None, password=None))

    def _body(self, response: httpx2.Response, what: str) -> bytes:
        if response.status_code != _OK:
            raise self._refused(response, what)
        body = bytearray()
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > _LARGEST:
                raise SourceError(f"{self._hub.api} answers about {what} with more than {_LARGEST >> 20} MiB")
        return bytes(body)

    def _refused(self, response: httpx2.Response, what: str) -> SourceError:
        status, headers = response.status_code, response.headers
        limited = status in {_FORBIDDEN, _TOO_MANY}
        if limited and (headers.get("x-ratelimit-remaining") == "0" or "retry-after" in headers):
            return self._limited(headers)
        if status == _UNAUTHORISED:
            return AccessDenied(
                f"{self._hub.api} does not take the token in GITHUB_TOKEN ({status})",
                hint="unset it, or put in one that is valid; it needs no rights",
            )
        if status == _NOT_FOUND:
            return NotThere(f"GitHub has no such thing: {what}")
        if status >= _BROKEN:
            return Interrupted(f"{self._hub.api} has a problem of its own ({status}), asked about {what}")
        return AccessDenied(f"{self._hub.api} refuses to answer about {what} ({status})")

    def _limited(self, headers: Mapping[str, str]) -> SourceError:
        """Say when the limit ends: `x-ratelimit-reset`, or `retry-after` where it is a short one."""
        stated, after = headers.get("x-ratelimit-reset", ""), headers.get("retry-after", "")
        wait = (
            int(after) if after.isdecimal() else int(stated) - self._now() if stated.isdecimal() else 3600.0
        )
        wait = min(max(wait, 0.0), 86_400.0)
        clock = time.strftime("%H:%M UTC", time.gmtime(self._now() + wait))
        token = (
            "the token in GITHUB_TOKEN has asked too often"
            if self._hub.token is not None
            else "without a token, an address may ask 60 times an hour"
        )
        advice = f"wait until {clock}"
        if self._hub.token is None:
            advice += ", or set GITHUB_TOKEN to a token of yours, which needs no rights"
        minutes = max(1, round(wait / 60))
        return SourceError(
            f"GitHub's API answers no more questions for {minutes} min, until {clock}: {token}",
            hint=f"{advice}; what is locked already needs no API: `eai fetch` and `eai up` go on",
        )

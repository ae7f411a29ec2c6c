"""The package index that the user has configured, read through the Simple API (PEP 503, 691, 700).

No host is named here or in a lock: the index is pip's or uv's, else the default of pypi-simple.
Credentials in its address stay in memory, and go to its own host only.
"""

from __future__ import annotations

import base64
import configparser
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from zoo.errors import AccessDenied, Interrupted, NotThere, SourceError

if TYPE_CHECKING:
    import requests
    from pypi_simple import DistributionPackage, PyPISimple

_PATIENCE = (10, 60)  # seconds for a connection, and for more of an answer
_RETRIES = 3
_VARIABLES = ("PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL")
_NAMED = re.compile(r"[A-Za-z0-9._-]+=")  # uv allows `name=https://…`
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_OK, _UNAUTHORISED, _FORBIDDEN, _NOT_FOUND = 200, 401, 403, 404

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Index:
    """Where the index is.

    Attributes:
        url: Its address without credentials; None for the default of pypi-simple.
        auth: A user and a password, for that host alone.
        certificates: A file of certificates to trust, as pip is told to.
    """

    url: str | None
    auth: tuple[str, str] | None = field(default=None, repr=False)
    certificates: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexFile:
    """A file of a project, as the index describes it.

    Attributes:
        size: In bytes; None where the index does not say.
        sha256: 64 hex digits; None where the index does not say.
        yanked: Whether its makers withdrew it: it is good for those who locked it, and not for others.
    """

    filename: str
    version: str
    url: str
    size: int | None
    sha256: str | None
    yanked: bool


def configured(env: Mapping[str, str]) -> Index:
    """Find the index: pip's and uv's variables, then pip's files.

    Raises:
        SourceError: What is configured is no web address.
    """
    variable = next((env[name] for name in _VARIABLES if env.get(name)), None)
    text = _NAMED.sub("", variable, count=1) if variable else _from_files(env, "index-url")
    certificates = env.get("PIP_CERT") or _from_files(env, "cert")
    if text is None:
        return Index(None, None, certificates)
    parts = urlsplit(text.strip())
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise SourceError(
            "the package index that is configured is no web address",
            hint="see `pip config get global.index-url`, PIP_INDEX_URL and UV_DEFAULT_INDEX",
        )
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    auth = (unquote(parts.username), unquote(parts.password or "")) if parts.username else None
    return Index(bare, auth, certificates)


class PackageIndex:
    """Asks an index about projects; each page is read once."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._pages: dict[str, tuple[IndexFile, ...]] = {}

    def files(self, project: str) -> tuple[IndexFile, ...]:
        """List the files of a project whose names say which version they are; in no special order.

        Raises:
            SourceError: In any of its forms.
        """
        if project not in self._pages:
            with self._client() as client:
                page = _ask(lambda: client.get_project_page(project, timeout=_PATIENCE), project)
            self._pages[project] = tuple(_file(package) for package in page.packages if package.version)
        return self._pages[project]

    def size(self, file: IndexFile) -> int:
        """Ask for the size of a file, in bytes.

        Raises:
            SourceError: In any of its forms; the host does not say.
        """
        if file.size is not None:
            return file.size
        with self._client() as client:
            length = _ask(lambda: _content_length(client.s, file.url), file.filename)
        if length is None or not length.isdecimal():
            raise SourceError(f"neither the package index nor the host of {file.filename} says its size")
        return int(length)

    def headers(self, url: str) -> dict[str, str]:
        """Credentials for a file, if its host is the index's own or has some in ~/.netrc."""
        from requests.utils import get_netrc_auth  # noqa: PLC0415 - half of pypi-simple's import time

        auth = self._index.auth if self._is_own(url) else get_netrc_auth(url)
        if auth is None:
            return {}
        return {"Authorization": "Basic " + base64.b64encode(":".join(auth).encode()).decode()}

    def _is_own(self, url: str) -> bool:
        return self._index.url is not None and _host(urlsplit(url)) == _host(urlsplit(self._index.url))

    def _client(self) -> PyPISimple:
        import requests  # noqa: PLC0415 - 100 ms that only those who ask an index should pay
        from pypi_simple import PYPI_SIMPLE_ENDPOINT, PyPISimple  # noqa: PLC0415 - the same
        from urllib3.util import Retry  # noqa: PLC0415 - the same

        session = requests.Session()
        session.auth = self._sign
        if self._index.certificates is not None:
            session.verify = self._index.certificates
        retry = Retry(
            total=_RETRIES, backoff_factor=0.3, status_forcelist=(429, 502, 503, 504), raise_on_status=False
        )
        for scheme in ("http://", "https://"):
            session.mount(scheme, requests.adapters.HTTPAdapter(max_retries=retry))
        return PyPISimple(self._index.url or PYPI_SIMPLE_ENDPOINT, session=session)

    def _sign(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add credentials to a request; requests itself takes them off when a redirect leaves the host."""
        request.headers.update(self.headers(request.url or ""))
        return request


def _ask(question: Callable[[], _T], what: str) -> _T:
    """Ask, and say in our words what went wrong; an address is never shown, since it may hold a password."""
    import requests  # noqa: PLC0415 - loaded already: there is a client
    from pypi_simple import NoSuchProjectError, UnsupportedContentTypeError  # noqa: PLC0415 - the same
    from pypi_simple.errors import UnsupportedRepoVersionError  # noqa: PLC0415 - the same

    try:
        return question()
    except NoSuchProjectError:
        raise NotThere(
            f"the package index has no project {what}",
            hint="see `pip config get global.index-url`: a mirror may hold some projects only",
        ) from None
    except requests.HTTPError as error:
        raise _refused(0 if error.response is None else error.response.status_code, what) from None
    except (UnsupportedContentTypeError, UnsupportedRepoVersionError, requests.JSONDecodeError):
        raise SourceError(
            f"what the package index answers about {what} is no page of the Simple API",
            hint="the address of an index mostly ends with /simple",
        ) from None
    except requests.RequestException as error:
        raise Interrupted(
            f"the package index cannot be asked about {what}: {type(error).__name__}",
            hint="see whether there is a connection; PIP_INDEX_URL or `pip config` may name a nearer index",
        ) from None


def _refused(status: int, what: str) -> SourceError:
    if status in {_UNAUTHORISED, _FORBIDDEN}:
        return AccessDenied(
            f"the package index wants other credentials for {what} (HTTP {status})",
            hint="put them into the index's address, or into ~/.netrc",
        )
    if status == _NOT_FOUND:
        return NotThere(f"the package index has no {what}")
    return Interrupted(f"the package index failed to answer about {what} (HTTP {status})")


def _content_length(session: requests.Session, url: str) -> str | None:
    """The length of a file, by HEAD or, where a host has no such thing, by a GET that is not read."""
    headers = {"Accept-Encoding": "identity"}
    for method in ("HEAD", "GET"):
        with session.request(
            method, url, timeout=_PATIENCE, headers=headers, stream=True, allow_redirects=True
        ) as answer:
            if method == "GET":
                answer.raise_for_status()
            if answer.status_code == _OK and (length := answer.headers.get("Content-Length")):
                return length
    return None


def _file(package: DistributionPackage) -> IndexFile:
    sha256 = package.digests.get("sha256", "")
    return IndexFile(
        filename=package.filename,
        version=package.version or "",
        url=package.url,
        size=package.size,
        sha256=sha256.lower() if _SHA256.fullmatch(sha256) else None,
        yanked=package.is_yanked,
    )


def _host(parts: SplitResult) -> tuple[str, str | None, int | None]:
    default = {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, parts.hostname, parts.port or default


def _from_files(env: Mapping[str, str], option: str) -> str | None:
    """The option in the section `global` of the first of pip's files that has it."""
    for path in _pip_files(env):
        parser = configparser.RawConfigParser()
        try:
            parser.read(path, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError):
            raise SourceError(f"{path} is no configuration of pip") from None
        if value := parser.get("global", option, fallback=None):
            return value
    return None


def _pip_files(env: Mapping[str, str]) -> Iterator[Path]:
    """Yield pip's files, the strongest first; see "Configuration" in pip's guide."""
    named = env.get("PIP_CONFIG_FILE")
    if named == os.devnull:
        return
    if named:
        yield Path(named)
    yield Path(sys.prefix, "pip.conf")
    if home := env.get("HOME"):
        yield Path(env.get("XDG_CONFIG_HOME") or Path(home, ".config"), "pip", "pip.conf")
        yield Path(home, "Library", "Application Support", "pip", "pip.conf")
        yield Path(home, ".pip", "pip.conf")
    for folder in (env.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(os.pathsep):
        yield Path(folder, "pip", "pip.conf")
    yield Path("/etc/pip.conf")

"""Which kinds of sources there are, made for one project; each kind is only imported when it is used."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from zoo.config import Config
from zoo.errors import Offline
from zoo.lock.model import SOURCE_KINDS, SourceKind
from zoo.sources.base import Download, Found, Source
from zoo.zoofile.model import Origin

if TYPE_CHECKING:
    import httpx2

    from zoo.sources.cars import CarFile
    from zoo.sources.web import Web

Client = Callable[[], "httpx2.Client"]

PREFERENCE: tuple[SourceKind, ...] = ("bundled", "path", "ipfs", "hf", "pypi", "github", "url")
"""In which order the sources of an artifact are tried: the nearest first, then those that state digests."""


def sources(
    *,
    base: Path,
    env: Mapping[str, str],
    offline: bool,
    config: Config | None = None,
    cars: Sequence[CarFile] = (),
) -> Mapping[SourceKind, Source]:
    """Make the sources of a project.

    Args:
        base: The folder of its zoofile.toml, which `path` sources start from.
        env: The environment: tokens, endpoints, indexes.
        offline: Whether connections are forbidden; then sources that need one raise `Offline`.
        config: What the user has set; by default nothing.
        cars: CAR files that IPFS is read from first, and offline alone.
    """
    return _Sources(base, env, config or Config(), cars, offline=offline)


class _Sources(Mapping[SourceKind, Source]):
    """The sources by kind, each made when it is first asked for."""

    def __init__(
        self, base: Path, env: Mapping[str, str], config: Config, cars: Sequence[CarFile], *, offline: bool
    ) -> None:
        self._env, self._cars, self._offline = env, cars, offline
        client, web = functools.cache(self._client), functools.cache(self._web)
        self._made: dict[SourceKind, Source] = {}
        self._makers: dict[SourceKind, Callable[[], Source]] = {
            "bundled": _bundled,
            "github": lambda: _github(env, client),
            "hf": lambda: _huggingface(env, client),
            "ipfs": lambda: _ipfs(web, config, cars, offline=offline),
            "path": lambda: _path(base),
            "pypi": lambda: _pypi(env, client),
            "url": lambda: _url(client),
        }

    def __getitem__(self, kind: SourceKind) -> Source:
        if kind not in self._made:
            source = self._makers[kind]()
            allowed = source.local or not self._offline or (kind == "ipfs" and bool(self._cars))
            self._made[kind] = source if allowed else _refused(kind)
        return self._made[kind]

    def _client(self) -> httpx2.Client:
        """Make the client that all sources share; it is closed when the sources are gone."""
        from zoo.sources.http import new_client  # noqa: PLC0415 - 100 ms that only those who connect should pay

        client = new_client()
        weakref.finalize(self, client.close)
        return client

    def _web(self) -> Web:
        """Make what sends requests to gateways; it is closed when the sources are gone."""
        from urllib.request import getproxies  # noqa: PLC0415 - only for those who connect

        from zoo.sources.web import Web  # noqa: PLC0415 - as above

        web = Web(getproxies())
        weakref.finalize(self, web.close)
        return web

    def __iter__(self) -> Iterator[SourceKind]:
        return (kind for kind in SOURCE_KINDS if kind in self._makers)

    def __len__(self) -> int:
        return len(self._makers)


def _refused(forbidden: SourceKind) -> Source:
    """Make a source that would need a connection, where none is allowed."""

    class Refused:
        kind: ClassVar[SourceKind] = forbidden
        local: ClassVar[bool] = False

        def find(self, origin: Origin) -> tuple[Found, ...]:
            raise _offline(next(v for v in (origin.hf, origin.url, origin.ipfs, self.kind) if v))

        def open(self, uri: str, *, size: int | None) -> AbstractContextManager[Download]:
            del size
            raise _offline(uri)

    return Refused()


def _offline(what: str) -> Offline:
    return Offline(
        f"{what} would have to be asked for, and no connection is allowed", hint="leave out --offline"
    )


def _bundled() -> Source:
    from zoo.sources.bundled import Bundled  # noqa: PLC0415 - made when it is asked for

    return Bundled()


def _github(env: Mapping[str, str], client: Client) -> Source:
    from zoo.sources.github import Github  # noqa: PLC0415 - made when it is asked for
    from zoo.sources.releases import configured  # noqa: PLC0415 - made when it is asked for

    return Github(configured(env).server, client)


def _huggingface(env: Mapping[str, str], client: Client) -> Source:
    from zoo.sources.huggingface import HuggingFace  # noqa: PLC0415 - made when it is asked for

    return HuggingFace(env, client)


def _ipfs(web: Callable[[], Web], config: Config, cars: Sequence[CarFile], *, offline: bool) -> Source:
    from zoo.sources.ipfs import Ipfs  # noqa: PLC0415 - made when it is asked for

    return Ipfs(web, config.ipfs, cars=cars, offline=offline)


def _path(base: Path) -> Source:
    from zoo.sources.path import Local  # noqa: PLC0415 - made when it is asked for

    return Local(base)


def _url(client: Client) -> Source:
    from zoo.sources.url import Url  # noqa: PLC0415 - made when it is asked for

    return Url(client)


def _pypi(env: Mapping[str, str], client: Client) -> Source:
    from zoo.sources.index import PackageIndex, configured  # noqa: PLC0415 - made when it is asked for
    from zoo.sources.pypi import Pypi  # noqa: PLC0415 - made when it is asked for

    return Pypi(PackageIndex(configured(env)), client)

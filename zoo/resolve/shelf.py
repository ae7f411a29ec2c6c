"""Fetches the files of releases whose digests nobody states, so that builds made of them can be locked."""

from __future__ import annotations

from zoo.digest import Digest
from zoo.errors import SourceError
from zoo.lock.model import Build
from zoo.resolve.fetcher import Fetcher
from zoo.sources.base import Found, Source
from zoo.store import Store, trees
from zoo.toolchains import derive
from zoo.toolchains.install import unpacked

_SMALL = 4096


class Shelf:
    """Keeps in the store what it fetched; see `zoo.toolchains.github.Shelf`.

    Args:
        fetcher: Fetches files.
        source: Opens the small ones, which are not kept.
        store: Where the fetcher's files go, and trees.
    """

    def __init__(self, fetcher: Fetcher, source: Source, store: Store) -> None:
        self._fetcher, self._source, self._store = fetcher, source, store

    def get(self, uri: str, name: str, size: int | None) -> tuple[Digest, int]:
        """Fetch a file of a release, unless it is locked already, and say its digest and size."""
        found = Found(path=name, uri=uri, size=size, digest=None)
        got = self._fetcher.get("github", found, again=False)
        if not self._store.has(got[0]):  # locked, and yet it is about to be unpacked
            got = self._fetcher.get("github", found, again=True)
        return got

    def read(self, uri: str, name: str) -> bytes:
        """Fetch a small file."""
        with self._source.open(uri, size=None) as download, download.read(0, None) as body:
            content = b""
            for chunk in body.chunks:
                content += chunk
                if len(content) > _SMALL:
                    raise SourceError(f"{name} of a release is not as small as it should be: {uri}")
            return content

    def tree(self, build: Build) -> str:
        """Unpack a build, or its source code, and say the digest of what came out."""
        if build.recipe is not None:
            return derive.source_tree(build, self._store)
        return trees.digest(unpacked(build, self._store))

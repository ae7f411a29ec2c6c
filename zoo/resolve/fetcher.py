"""Gets the files whose digest nobody states into the store; each of them once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from zoo.digest import Digest
from zoo.fetch.events import Progress
from zoo.fetch.unknown import fetch_unknown
from zoo.fetch.unpack import unpack
from zoo.lock.model import Artifact, SourceKind
from zoo.sources.base import Found, Source
from zoo.store import Store


class Fetcher:
    """Fetches to learn digests.

    Args:
        sources: By kind.
        store: Where files go.
        progress: Is told what is downloaded.
        known: The artifacts that are locked: a distant file that is among them is not fetched again.
    """

    def __init__(
        self,
        sources: Mapping[SourceKind, Source],
        store: Store,
        progress: Progress,
        known: Iterable[Artifact],
    ) -> None:
        self._sources, self._store, self._progress = sources, store, progress
        self._locked = {source: (each.digest, each.size) for each in known for source in each.sources()}
        self._fetched: dict[tuple[SourceKind, str], tuple[Digest, int]] = {}
        self._unpacked: dict[tuple[SourceKind, str], tuple[Found, ...]] = {}

    def get(self, kind: SourceKind, found: Found, *, again: bool) -> tuple[Digest, int]:
        """Say the digest and the size in bytes of a file.

        Args:
            kind: Of source.
            found: The file.
            again: Whether it may have changed since it was locked, and that is to be found out.

        Raises:
            EaiError: It cannot be fetched.
        """
        source = (kind, found.uri)
        if not again and not self._sources[kind].local and source in self._locked:
            return self._locked[source]
        if source not in self._fetched:
            self._fetched[source] = fetch_unknown(
                kind,
                found.uri,
                self._store,
                self._sources,
                name=found.path,
                size=found.size,
                progress=self._progress,
            )
        return self._fetched[source]

    def unpack(self, kind: SourceKind, found: Found) -> tuple[Found, ...]:
        """Say which files of a model an archive holds; they are in the store then.

        Raises:
            EaiError: It cannot be had, or unpacked.
        """
        source = (kind, found.uri)
        if source not in self._unpacked:
            self._unpacked[source] = unpack(
                kind, found.uri, self._store, self._sources, name=found.path, progress=self._progress
            )
        return self._unpacked[source]

"""An artifact whose digest nobody states: fetched into the store to learn it, so that it can be locked."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping

from zoo.digest import Digest
from zoo.errors import EaiError, IntegrityError, Interrupted, SourceChanged, SourceError
from zoo.fetch.artifact import Manners
from zoo.fetch.events import Advanced, Failed, Finished, Progress, Retrying, Started, Waiting, WrongBytes
from zoo.lock.model import SourceKind
from zoo.sources.base import Download, Several, Source
from zoo.store import Store
from zoo.store.durable import disk_errors
from zoo.store.ingest import Held, Ingest
from zoo.store.partial import Filler


def fetch_unknown(
    kind: SourceKind,
    uri: str,
    store: Store,
    sources: Mapping[SourceKind, Source],
    *,
    name: str,
    size: int | None = None,
    progress: Progress,
    manners: Manners | None = None,
) -> tuple[Digest, int]:
    """Fetch a file into the store, on one stream, and give its digest and its size in bytes.

    An interrupted file is resumed, in this call or a later one, where the source can tell its versions
    apart; otherwise it begins anew, since nobody could tell that the two parts are of one file.

    Args:
        kind: What kind of source it is at.
        uri: Its address there.
        store: Where it goes.
        sources: The sources by kind; in an offline registry, distant ones raise `Offline`.
        name: What people know it by.
        size: In bytes, if the source stated it.
        progress: Is told what happens.
        manners: How often and how long to try.

    Raises:
        SourceError: In any of its forms.
        SizeMismatch: It is longer or shorter than the source said.
        NoSpace: The disk is full.
        Offline: It would take a connection.
    """
    reader = _Reader(uri, store, name, progress, manners or Manners())
    with disk_errors(store.root):
        ingest = reader.claim()
        try:
            with sources[kind].open(uri, size=size) as download:
                if isinstance(download, Several):
                    download.aside = told_aside(progress, name, uri)
                reader.read(download, ingest)
            hashes = ingest.commit(None)
        except (SourceChanged, IntegrityError):
            ingest.discard()
            raise
        except BaseException:
            ingest.release()
            raise
    length = store.object(hashes.digest).stat().st_size
    progress(Finished(digest=hashes.digest, name=name, size=length))
    return hashes.digest, length


def told_aside(progress: Progress, name: str, uri: str) -> Callable[[str, EaiError], None]:
    """Make what tells of places that are put aside while others go on."""

    def tell(place: str, error: EaiError) -> None:
        event = WrongBytes if isinstance(error, IntegrityError) else Failed
        progress(event(digest=None, name=name, source=f"{uri} at {place}", reason=error.message))

    return tell


class _Reader:
    def __init__(self, uri: str, store: Store, name: str, progress: Progress, manners: Manners) -> None:
        self._uri, self._store, self._name = uri, store, name
        self._progress, self._manners = progress, manners

    def claim(self) -> Ingest:
        key = f"unknown-{hashlib.sha256(self._uri.encode()).hexdigest()}"
        told = False
        while isinstance(claim := self._store.claim(key, None), Held):
            if not told:
                self._progress(Waiting(digest=None, name=self._name, process=claim.owner.pid))
            told = True
            time.sleep(self._manners.look)
        return claim

    def read(self, download: Download, ingest: Ingest) -> None:
        """Read the file to its end, resuming where that is safe."""
        failures, start = 0, self._begin(ingest)
        farthest = start
        while True:
            try:
                if self._stream(download, ingest, start):
                    return
                start = self._begin(ingest, anew=True)
            except Interrupted as error:
                # Not against where this try began: one that must begin anew each time gets nowhere.
                failures = 1 if ingest.partial.held > farthest else failures + 1
                farthest = max(farthest, ingest.partial.held)
                delay = self._manners.delay(error, failures)
                if failures >= self._manners.tries or delay > self._manners.longest:
                    raise
                self._progress(
                    Retrying(
                        digest=None, name=self._name, source=self._uri, reason=error.message, delay=delay
                    )
                )
                time.sleep(delay)
                start = self._begin(ingest)

    def _begin(self, ingest: Ingest, *, anew: bool = False) -> int:
        """Say where to go on; from zero, with nothing left, if what is there is of no known version."""
        if anew or ingest.noted() is None or ingest.partial.held == 0:
            ingest.note(None)
            ingest.restart()
        return ingest.partial.held

    def _stream(self, download: Download, ingest: Ingest, start: int) -> bool:
        """Read from there to the end; False if what is there is of another version."""
        with download.read(start, None) as body:
            # Not before: most sources say how long a file is only when they begin to send it.
            self._progress(
                Started(digest=None, name=self._name, size=download.size, held=start, source=self._uri)
            )
            version = download.validator
            # A weak ETag (RFC 9110, 8.8.1) is the same for files that only mean the same.
            strong = version is not None and not version.startswith("W/")
            if start and (not strong or version != ingest.noted()):
                return False
            if body.start not in {0, start}:
                raise SourceError(f"{self._uri}: answers from byte {body.start:,}, asked from {start:,}")
            if download.size is not None:
                self._store.require(download.size - start)
            ingest.note(version if strong else None)
            filler = Filler(ingest.partial, body.start)
            for chunk in body.chunks:
                filler.feed(chunk)
                self._progress(Advanced(digest=None, name=self._name, size=len(chunk)))
            filler.finish()
        return True

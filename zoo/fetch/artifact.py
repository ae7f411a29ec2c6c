"""One artifact: whoever else may be fetching it, from the first source that gives the right bytes."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from zoo.errors import EaiError, IntegrityError, Interrupted, SizeMismatch, SourceChanged, SourceError
from zoo.fetch.events import (
    Advanced,
    Event,
    Failed,
    Finished,
    Progress,
    Retrying,
    Started,
    Waiting,
    WrongBytes,
)
from zoo.fetch.failures import Attempt, failure
from zoo.fetch.peers import Peers
from zoo.fetch.plan import label
from zoo.fetch.streams import RANGE, Slots, Team
from zoo.lock.model import Artifact, SourceKind
from zoo.sources.base import Several, Source
from zoo.sources.cars import CarFile, have
from zoo.sources.registry import PREFERENCE
from zoo.store import Store
from zoo.store.ingest import Held, Ingest


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """How often a source is asked again, and how long is waited before.

    Attributes:
        tries: Failures in a row, without a new byte between them, after which the last source is given up.
        tries_elsewhere: The same, while another source is left.
        first: Seconds before the second try; they double from try to try.
        longest: Seconds that are never exceeded, whatever a server asks for.
        look: Seconds between two looks at a process that fetches the same.
        span: Bytes asked for at a time.
        restart: Seconds in which a peer that gave something and broke off may come back. One that gave
            nothing is given up after one failure, unless it says when to come again.
    """

    tries: int = 5
    tries_elsewhere: int = 2
    restart: float = 10
    first: float = 0.5
    longest: float = 60
    look: float = 0.1
    span: int = RANGE

    def delay(self, error: Interrupted, failures: int) -> float:
        """Say how many seconds to wait after so many failures."""
        if error.retry_after is not None:
            return error.retry_after
        # Not all at once: clients that were cut off together would come back together.
        longest = min(self.first * 2.0 ** (failures - 1), self.longest)
        return longest * random.uniform(0.5, 1)  # noqa: S311 - no secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What every artifact of one fetch shares."""

    store: Store
    sources: Mapping[SourceKind, Source]
    progress: Progress
    slots: Slots
    manners: Manners
    offline: bool
    held: dict[str, Ingest]
    peers: Peers
    cars: Sequence[CarFile]


class Getter:
    """Gets one artifact into the store."""

    def __init__(self, artifact: Artifact, around: Surroundings) -> None:
        self._artifact, self._around = artifact, around
        self._name = label(artifact)

    def get(self) -> None:
        """Get it, or find that another process did.

        Raises:
            SourcesExhausted: No source could give it.
            IntegrityError: One of them gave other bytes, and none the right ones.
            OSError: The disk refuses.
            Stopped: The whole fetch has ended.
        """
        digest, held = self._artifact.digest, self._around.held
        ingest = self._claim()
        if ingest is None:
            self._finished()
            return
        held[digest] = ingest
        try:
            self._from_any(ingest)
        except BaseException:
            ingest.release()
            raise
        finally:
            del held[digest]
        self._finished()

    def _claim(self) -> Ingest | None:
        """Take hold of the download, as soon as nobody else has it; None once the object is there."""
        digest, store, told = self._artifact.digest, self._around.store, False
        while not store.has(digest):
            self._around.slots.check()
            claim = store.claim(digest.hex, self._artifact.size)
            if isinstance(claim, Held):
                if not told:
                    self._tell(Waiting(digest=digest, name=self._name, process=claim.owner.pid))
                told = True
                self._around.slots.pause(self._around.manners.look)
                continue
            if not store.has(digest):
                return claim
            claim.discard()
        return None

    def _from_any(self, ingest: Ingest) -> None:
        attempts: list[Attempt] = []
        order = self.order()
        for index, (kind, uri) in enumerate(order):
            try:
                self._from(kind, uri, ingest, last=index == len(order) - 1)
            except (SourceError, IntegrityError) as error:
                attempts.append(Attempt(uri, error))
                if self._around.peers.blamed(uri, error):
                    self._failed(uri, error)
            else:
                return
        raise failure(self._artifact, self._name, attempts)

    def order(self) -> list[tuple[SourceKind, str]]:
        """Give the sources in the order in which they are tried, without those that may not be."""
        around = self._around
        known = [(kind, uri) for kind, uri in self._artifact.sources() if kind in around.sources]
        here = [(kind, uri) for kind, uri in known if kind == "ipfs" and have(around.cars, uri)]
        usable = [(kind, uri) for kind, uri in known if around.sources[kind].local or not around.offline]
        near: list[tuple[SourceKind, str]] = []
        if "url" in around.sources and not around.offline:
            near = [("url", url) for url in around.peers.urls(self._artifact.digest)]
        usable.sort(key=lambda source: PREFERENCE.index(source[0]))
        return list(dict.fromkeys([*here, *near, *usable]))

    def _from(self, kind: SourceKind, uri: str, ingest: Ingest, *, last: bool) -> None:
        """Get it from one source.

        What came before may be wrong, and so may what was read while the source changed: each is
        forgotten once, and the source asked again, before it is blamed.
        """
        ingest.partial.begin()
        changed = False
        while True:
            try:
                self._fill(kind, uri, ingest, last=last)
                ingest.commit(self._artifact.digest)
            except SourceChanged:
                ingest.restart(all_of_it=False)
                if changed:
                    raise
                changed = True
            except SizeMismatch:
                ingest.restart(all_of_it=False)
                raise
            except IntegrityError:
                foreign = ingest.partial.foreign
                ingest.restart()
                if not foreign:
                    raise
            else:
                return

    def _fill(self, kind: SourceKind, uri: str, ingest: Ingest, *, last: bool) -> None:
        """Get what is missing; a source that breaks off is asked again, as long as that helps."""
        manners, peers, failures = self._around.manners, self._around.peers, 0
        since = time.monotonic()
        while True:
            held = ingest.partial.held
            try:
                self._stream(kind, uri, ingest)
            except Interrupted as error:
                failures += 1
                if ingest.partial.held > held:
                    failures, since = 1, time.monotonic()
                    peers.gave(uri)
                delay = manners.delay(error, failures)
                late = uri in peers and time.monotonic() + delay > since + manners.restart
                if late or failures >= self._tries(uri, error, last=last) or delay > manners.longest:
                    raise
                self._retrying(uri, error, delay)
            else:
                return

    def _tries(self, uri: str, error: Interrupted, *, last: bool) -> int:
        """How many failures in a row are too many."""
        manners, peers = self._around.manners, self._around.peers
        if last or peers.gives(uri):
            return manners.tries
        return 1 if uri in peers and error.retry_after is None else manners.tries_elsewhere

    def _retrying(self, uri: str, error: Interrupted, delay: float) -> None:
        digest, name, reason = self._artifact.digest, self._name, error.message
        self._tell(Retrying(digest=digest, name=name, source=uri, reason=reason, delay=delay))
        self._around.slots.pause(delay)

    def _stream(self, kind: SourceKind, uri: str, ingest: Ingest) -> None:
        artifact, around, partial = self._artifact, self._around, ingest.partial
        self._tell(
            Started(
                digest=artifact.digest, name=self._name, size=artifact.size, held=partial.held, source=uri
            )
        )
        team: Team | None = None
        try:
            with around.sources[kind].open(uri, size=artifact.size) as download:
                if isinstance(download, Several):
                    download.aside = lambda place, error: self._failed(f"{uri} at {place}", error)
                team = Team(
                    download, partial, around.slots, advanced=self._advanced, span=around.manners.span
                )
                team.run()
        finally:
            if team is not None:
                team.end()

    def _advanced(self, count: int) -> None:
        self._tell(Advanced(digest=self._artifact.digest, name=self._name, size=count))

    def _failed(self, source: str, error: EaiError) -> None:
        event = WrongBytes if isinstance(error, IntegrityError) else Failed
        self._tell(event(digest=self._artifact.digest, name=self._name, source=source, reason=error.message))

    def _finished(self) -> None:
        self._tell(Finished(digest=self._artifact.digest, name=self._name, size=self._artifact.size))

    def _tell(self, event: Event) -> None:
        self._around.progress(event)

"""lock → store: gets what a plan says is missing, many files at once, and ends cleanly whatever happens."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence

from zoo.errors import EaiError, NoSpace, Offline
from zoo.fetch import together
from zoo.fetch.artifact import Getter, Manners, Surroundings
from zoo.fetch.events import Event, Progress
from zoo.fetch.failures import combined
from zoo.fetch.peers import Peers
from zoo.fetch.plan import Plan, label
from zoo.fetch.streams import Slots, Stopped
from zoo.lock.model import Artifact, SourceKind
from zoo.sources.base import Source
from zoo.sources.cars import CarFile, have
from zoo.store import Store
from zoo.store.durable import disk_errors

JOBS = 8
_BEAT = 30.0
_PATIENCE = 1.0


def fetch(
    plan: Plan,
    store: Store,
    sources: Mapping[SourceKind, Source],
    *,
    progress: Progress,
    offline: bool,
    jobs: int = JOBS,
    manners: Manners | None = None,
    peers: Sequence[str] = (),
    cars: Sequence[CarFile] = (),
) -> None:
    """Get every missing artifact into the store, verified.

    Args:
        plan: What is missing.
        store: Where it goes.
        sources: Where it comes from; a kind that is not in there is not asked.
        progress: Is told what happens, one event at a time, from any thread.
        offline: Whether only local sources may be used.
        jobs: How many streams there may be at once, of all files together.
        manners: How often and how long to try.
        peers: Stores on the network that are asked first, by address.
        cars: CAR files, which the CIDs that they have are read from before all, also offline.

    Raises:
        NoSpace: The disk is full, or would be. What has come is kept.
        IntegrityError: A source gave wrong bytes, and no other one the right ones.
        SourcesExhausted: No source of an artifact could give it.
        Offline: Something is missing that only a connection could bring.
        KeyboardInterrupt: What has come is kept.
    """
    if offline:
        _refuse_connections(plan, sources, cars)
    if not plan.missing:
        return
    store.require(plan.bytes)
    store.tidy()
    around = Surroundings(
        store=store,
        sources=sources,
        progress=_one_at_a_time(progress),
        slots=Slots.of(jobs),
        manners=manners or Manners(),
        offline=offline,
        held={},
        peers=Peers(peers),
        cars=cars,
    )
    _Crew(plan.missing, around).run(jobs)


def _refuse_connections(plan: Plan, sources: Mapping[SourceKind, Source], cars: Sequence[CarFile]) -> None:
    local = {kind for kind in sources if sources[kind].local}
    far = [
        artifact
        for artifact in plan.missing
        if not any(kind in local for kind, _ in artifact.sources())
        and not any(have(cars, uri) for uri in artifact.ipfs)
    ]
    if far:
        lines = [f"  {label(artifact)}  {artifact.size:,} bytes  {artifact.digest}" for artifact in far]
        raise Offline(
            "\n".join([f"{len(far)} missing, and no connection is allowed:", *lines]),
            hint="run `eai fetch` where there is a connection",
        )


def _one_at_a_time(progress: Progress) -> Progress:
    lock = threading.Lock()

    def tell(event: Event) -> None:
        with lock:
            progress(event)

    return tell


class _Crew:
    """The threads that each get one artifact after the other."""

    def __init__(self, artifacts: tuple[Artifact, ...], around: Surroundings) -> None:
        self._waiting, self._around = deque(together.grouped(artifacts, around)), around
        self._changed = threading.Condition()
        self._running = 0
        self._errors: list[EaiError] = []
        self._bug: BaseException | None = None

    def run(self, count: int) -> None:
        """Get them all, or say which could not be got."""
        threads = [
            threading.Thread(target=self._work, name="eai-fetch", daemon=True)
            for _ in range(min(count, len(self._waiting)))
        ]
        self._running = len(threads)
        try:
            for thread in threads:
                thread.start()
            self._watch()
        finally:
            self._around.slots.stop.set()
            deadline = time.monotonic() + _PATIENCE
            for thread in threads:
                # One may hang before its answer has begun; what it holds is free once this process ends.
                thread.join(max(0.0, deadline - time.monotonic()))
        if self._bug is not None:
            raise self._bug
        if self._errors:
            raise combined(self._errors)

    def _watch(self) -> None:
        with self._changed:
            while self._running and self._bug is None:
                self._changed.wait(_BEAT)
                for ingest in list(self._around.held.values()):
                    ingest.beat()

    def _work(self) -> None:
        try:
            while not self._around.slots.stop.is_set():
                try:
                    group = self._waiting.popleft()
                except IndexError:
                    break
                for artifact in together.left(group, self._around):
                    self._get(artifact)
        except Stopped:
            pass  # as was wanted: whoever stopped it knows why
        except BaseException as error:  # noqa: BLE001 - raised again, in the thread that waits for us
            self._bug = error
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify_all()

    def _get(self, artifact: Artifact) -> None:
        try:
            with disk_errors(self._around.store.root):
                Getter(artifact, self._around).get()
        except EaiError as error:
            self._errors.append(error)
            if isinstance(error, NoSpace):
                self._around.slots.stop.set()

"""The gateways of one download: each block from whoever gives it fastest, past those that lie or stall.

CAR files that are at hand go before them. A block that is late is asked for at a second gateway too, and
so on; the first that gives it wins. So a gateway that says nothing, or a byte a minute, costs seconds.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from zoo.errors import EaiError, IntegrityError, Interrupted, NotThere, SourceError
from zoo.ipfs.cid import Cid
from zoo.sources.calls import Call
from zoo.sources.cars import CarFile
from zoo.sources.gateways import Gateway
from zoo.sources.workers import Workers

LATE = 1.5
"""Seconds after which a block is asked for once more, of somebody else; more where all blocks take long."""
LONGEST = 300.0
"""Seconds after which a gateway is given up that has not given all of a block, however much it sends."""

_SPARE = 4
"""Blocks that are asked for more than once at a time: on a slow line the first ones are all late."""
_LONG = 3
"""A block is not late before it took so many times as long as others do."""
_THREADS = 64
_LOOKS = 5

Aside = Callable[[str, EaiError], None]
"""Is told which gateway is put aside, and why."""


@dataclass(eq=False, slots=True)
class _Want:
    """A block that is waited for.

    Attributes:
        late: When it will be late.
        asked: Who was asked for it.
        calls: By whom it may still come, and since when.
        block: It, once it has come.
        since: When the one that gave it was asked.
    """

    cid: Cid
    most: int
    late: float
    asked: set[Gateway] = field(default_factory=set)
    calls: dict[Gateway, tuple[Call, float]] = field(default_factory=dict)
    block: bytes | None = None
    since: float = 0.0


class Pool:
    """The gateways that one download uses, and CAR files that are asked for each block before them.

    Args:
        gateways: Those that are known, the preferred first.
        cars: The CAR files. A block that is damaged in one, or missing, does not speak against the others.
        more: Looks for further ones, once, when all of those have failed.
        aside: Is told of each that is put aside, and why.
        late: Seconds after which a block is late.
        longest: Seconds after which a gateway is given up over a block.
    """

    def __init__(
        self,
        gateways: Iterable[Gateway],
        *,
        cars: Iterable[CarFile] = (),
        more: Callable[[], Iterable[Gateway]] = tuple,
        aside: Aside = lambda _, __: None,
        late: float = LATE,
        longest: float = LONGEST,
    ) -> None:
        self._gateways, self._cars = list(gateways), tuple(cars)
        self._more: Callable[[], Iterable[Gateway]] | None = more
        self.aside = aside
        self._late, self._longest = late, longest
        self._failed: dict[Gateway | CarFile, EaiError] = {}
        self._changed = threading.Condition()
        self._searching = threading.Lock()
        self._wants: set[_Want] = set()
        self._watched = False
        self._spare = Workers(_THREADS, "eai-spare")
        self._spared: set[_Want] = set()
        self._closed = threading.Event()

    @property
    def count(self) -> int:
        """How many gateways there are."""
        return max(1, len(self._gateways))

    def get(self, cid: Cid, most: int) -> bytes:
        """Get a block of at most so many bytes from the first file or gateway that gives it; checked.

        Raises:
            SourceError: None gave it; the message says why, of each. `Interrupted` where asking again
                may help.
        """
        if cid.inline is not None:
            return cid.inline
        missing: list[NotThere] = []
        for car in self._cars:
            try:
                return car.block(cid, most)
            except NotThere as error:
                missing.append(error)
            except SourceError as error:
                self._put_aside(car, error)
        return self._from_gateways(cid, most, missing)

    def _from_gateways(self, cid: Cid, most: int, missing: list[NotThere]) -> bytes:
        with self._changed:
            usual = min((one.took for one in self._gateways if one.took is not None), default=0.0)
            want = _Want(cid, most, time.monotonic() + max(self._late, _LONG * usual))
            self._wants.add(want)
            if not self._watched:
                self._watched = True
                threading.Thread(target=self._watch, name="eai-watch", daemon=True).start()
        try:
            return self._await(want, missing)
        finally:
            with self._changed:
                self._wants.discard(want)
                self._spared.discard(want)

    def close(self) -> None:
        """End everything that is being read."""
        self._closed.set()
        self._spare.close()
        with self._changed:
            calls = [call for want in self._wants for call, _ in want.calls.values()]
            self._changed.notify_all()
        for call in calls:
            call.end()

    def _await(self, want: _Want, missing: list[NotThere]) -> bytes:
        """Ask one gateway after the other on this thread, whoever else is asked meanwhile on others."""
        while want.block is None:
            gateway = self._next(want) or self._other(want)
            if gateway is not None:
                self._ask(gateway, want)
            elif want.block is None:
                raise self._failure(want.cid, missing)
        return want.block

    def _next(self, want: _Want) -> Gateway | None:
        """Choose who is asked now, and note that."""
        with self._changed:
            liars = [(one, one.lied) for one in self._gateways if one.lied and one not in self._failed]
            usable = (one for one in self._gateways if one not in self._failed and not one.lied)
            free = () if self._closed.is_set() else (one for one in usable if one not in want.asked)
            gateway = min(free, key=lambda one: one.cost, default=None)
            if gateway is not None:
                want.asked.add(gateway)
                want.calls[gateway] = gateway.call(), time.monotonic()
        for liar, error in liars:
            self._put_aside(liar, error)
        return gateway

    def _other(self, want: _Want) -> Gateway | None:
        """Wait for those who are being asked; where all have failed, look for others."""
        with self._changed:
            while want.calls and want.block is None and not self._closed.is_set():
                self._changed.wait()
        if want.block is not None or self._closed.is_set():
            return None
        with self._searching:
            if self._more is not None:
                known = {one.url for one in self._gateways}
                found = [one for one in self._more() if one.url not in known]
                with self._changed:
                    self._gateways += found
                self._more = None
        return self._next(want)

    def _ask(self, gateway: Gateway, want: _Want) -> None:
        call, began = want.calls[gateway]
        try:
            block = gateway.block(want.cid, want.most, call)
            want.since, want.block = began, block
        except (SourceError, IntegrityError) as error:
            self._take_failure(gateway, want, error, cut_since=began if call.ended else None)
        finally:
            # Only now may others take it that nobody is being asked, and tell of all failures.
            with self._changed:
                del want.calls[gateway]
                others = [each for each, _ in want.calls.values()] if want.block is not None else []
                if len(want.asked) > 1:
                    self._changed.notify_all()
        for other in others:
            other.end()

    def _take_failure(
        self, gateway: Gateway, want: _Want, error: EaiError, *, cut_since: float | None
    ) -> None:
        if cut_since is not None and isinstance(error, Interrupted):
            said = f"{gateway.url}: it did not give a block in {time.monotonic() - cut_since:.0f} seconds"
            if want.block is None:
                error = Interrupted(said)
            elif cut_since < want.since and gateway.beaten():
                error = Interrupted(f"{said}, and another gateway did meanwhile")
            else:
                return
        self._put_aside(gateway, error)

    def _watch(self) -> None:
        """Have late blocks asked for elsewhere, and end calls that take too long."""
        while not self._closed.wait(self._late / _LOOKS):
            now = time.monotonic()
            with self._changed:
                late = [want for want in self._wants if want.late < now and want.block is None]
                calls = [each for want in late for each in want.calls.values()]
            for want in late:
                self._help(want, now)
            for call, began in calls:
                if began + self._longest < now:
                    call.end()

    def _help(self, want: _Want, now: float) -> None:
        with self._changed:
            if want not in self._spared and len(self._spared) == _SPARE:
                return
        if (gateway := self._next(want)) is None:
            return
        want.late = now + self._late
        with self._changed:
            self._spared |= {want} & self._wants
        self._spare.do(lambda: self._ask(gateway, want))

    def _put_aside(self, place: Gateway | CarFile, error: EaiError) -> None:
        with self._changed:
            known = place in self._failed
            self._failed.setdefault(place, error)
        if not known and not self._closed.is_set():
            self.aside(place.url, error)

    def _failure(self, cid: Cid, missing: Iterable[NotThere]) -> SourceError:
        if self._closed.is_set():
            return Interrupted(f"{cid}: given up")
        errors = [*missing, *self._failed.values()]
        nobody = "no gateway gave" if self._gateways else "no CAR file has"
        message = "\n      ".join([f"{nobody} the block {cid}", *(error.message for error in errors)])
        later = [error for error in errors if isinstance(error, Interrupted)]
        if later:
            after = [error.retry_after for error in later if error.retry_after is not None]
            return Interrupted(message, retry_after=min(after) if len(after) == len(later) else None)
        hint = (
            "name gateways that have it in `[ipfs] gateways` of config.toml"
            if self._gateways
            else "copy or write the CAR file again, or leave out --offline"
        )
        return SourceError(message, hint=hint)

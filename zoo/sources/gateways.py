"""Trustless gateways: blocks by their CIDs over HTTP, each checked, from whoever gives them fastest.

Spec: ipfs/specs, http-gateways/trustless-gateway.md. Only single blocks are asked for
(`?format=raw`), which every such gateway must be able to give. CAR files that are at hand go before them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable

from zoo.errors import EaiError, IntegrityError, Interrupted, Malformed, NotThere, SourceError
from zoo.ipfs import cid as cids
from zoo.ipfs.cid import Cid
from zoo.sources.answers import length, refuse
from zoo.sources.cars import CarFile
from zoo.sources.underway import Underway
from zoo.sources.web import Answer, Wait, Web, redirected

LOCAL = "http://127.0.0.1:8080"
"""Where Kubo's gateway is on one's own machine; asked before all others where it answers."""
PUBLIC = ("https://trustless-gateway.link", "https://ipfs.io", "https://4everland.io")
"""Gateways for everyone: best effort, and each sees what is asked for."""

WAIT = Wait(connect=5, more=20)
_PROBE = "bafkqaaa"
_PROBE_WAIT = Wait(connect=0.3, more=0.5)

_RAW = "application/vnd.ipld.raw"
_OK = 200
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 5
_USUAL = 1.0
_SHARE = 0.3

Aside = Callable[[str, EaiError], None]
"""Is told which gateway is put aside, and why."""


class Gateway:
    """One gateway, and how it has done so far.

    Attributes:
        url: Without a slash at its end.
        lied: What was said when it gave other bytes than those asked for. Such a one is never asked again.
    """

    def __init__(self, url: str, web: Callable[[], Web], wait: Wait = WAIT) -> None:
        self.url = url.rstrip("/")
        self.lied: IntegrityError | None = None
        self._web, self._wait = web, wait
        self._lock = threading.Lock()
        self._busy, self._pace = 0, _USUAL

    @property
    def cost(self) -> float:
        """About how many seconds a further block would take now."""
        return (self._busy + 1) * self._pace

    def block(self, cid: Cid, most: int, underway: Underway) -> bytes:
        """Get a block, checked.

        Args:
            cid: Its name.
            most: Bytes that it may have.
            underway: Notes the answer while it is read.

        Raises:
            SourceError: In any of its forms; `Interrupted` where asking again may help.
            IntegrityError: It gave another block.
        """
        with self._lock:
            self._busy += 1
        began = time.monotonic()
        try:
            block = self._ask(str(cid), most, underway)
            cids.check(cid, block)
        except IntegrityError as error:
            self.lied = IntegrityError(f"{self.url}: {error.message}")
            raise self.lied from None
        finally:
            with self._lock:
                self._busy -= 1
        with self._lock:
            self._pace += _SHARE * (time.monotonic() - began - self._pace)
        return block

    def answers(self) -> bool:
        """Whether it is there and is a trustless gateway: it is asked for the block of no bytes."""
        probe = Gateway(self.url, self._web, _PROBE_WAIT)
        try:
            return probe.block(cids.parse(_PROBE), 0, Underway(self.url)) == b""
        except (SourceError, IntegrityError):
            return False

    def _ask(self, name: str, most: int, underway: Underway) -> bytes:
        url = there = f"{self.url}/ipfs/{name}?format=raw"
        for _ in range(_MOST_REDIRECTS + 1):
            answer = self._web().get(there, accept=_RAW, wait=self._wait)
            underway.add(answer, answer.socket)
            try:
                if answer.status not in _REDIRECTS:
                    return _read(url, answer, most)
                there = redirected(there, answer.headers.get("location", ""))
            finally:
                underway.forget(answer)
        raise SourceError(f"{url}: more than {_MOST_REDIRECTS} redirects")


def _read(url: str, answer: Answer, most: int) -> bytes:
    """Read a block, and not a byte more than it may have."""
    headers = answer.headers
    if answer.status != _OK:
        refuse(url, answer.status, headers)
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != _RAW:
        raise SourceError(f"{url}: is no trustless gateway: asked for a raw block, it sends {kind[:60]!r}")
    if (coding := headers.get("content-encoding", "identity").lower()) != "identity":
        raise SourceError(f"{url}: sends the block as {coding[:40]}, though asked for it as it is")
    if (length(url, headers) or 0) > most:
        raise Malformed(f"{url}: announces more than the {most:,} bytes that the block may have")
    block = b""
    while chunk := answer.read(most + 1 - len(block)):
        block = block + chunk if block else chunk  # nearly always all of it comes as one, without a copy
        if len(block) > most:
            raise Malformed(f"{url}: sends more than the {most:,} bytes that the block may have")
    return block


class Pool:
    """The gateways that one download uses, and CAR files that are asked for each block before them.

    Args:
        gateways: Those that are known, the preferred first.
        cars: The CAR files. A block that is damaged in one, or missing, does not speak against the others.
        more: Looks for further ones, once, when all of those have failed.
        aside: Is told of each that is put aside, and why.
    """

    def __init__(
        self,
        gateways: Iterable[Gateway],
        *,
        cars: Iterable[CarFile] = (),
        more: Callable[[], Iterable[Gateway]] = tuple,
        aside: Aside = lambda _, __: None,
    ) -> None:
        self._gateways, self._cars = list(gateways), tuple(cars)
        self._more: Callable[[], Iterable[Gateway]] | None = more
        self.aside = aside
        self._failed: dict[Gateway | CarFile, EaiError] = {}
        self._lock = threading.Lock()
        self._underway = Underway("the download")
        self._closed = False

    @property
    def count(self) -> int:
        """How many gateways there are."""
        return max(1, len(self._gateways))

    def get(self, cid: Cid, most: int) -> bytes:
        """Get a block of at most so many bytes from the first file or gateway that has it; checked.

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
        while (gateway := self._next()) is not None:
            try:
                return gateway.block(cid, most, self._underway)
            except (SourceError, IntegrityError) as error:
                self._put_aside(gateway, error)
        raise self._failure(cid, missing)

    def close(self) -> None:
        """End everything that is being read."""
        self._closed = True
        self._underway.close()

    def _next(self) -> Gateway | None:
        with self._lock:
            liars = [(one, one.lied) for one in self._gateways if one.lied and one not in self._failed]
            usable = [one for one in self._gateways if one not in self._failed and not one.lied]
            if not usable and self._more is not None and not self._closed:
                known = {one.url for one in self._gateways}
                usable = [one for one in self._more() if one.url not in known]
                self._gateways += usable
                self._more = None
        for liar, error in liars:
            self._put_aside(liar, error)
        return min(usable, key=lambda one: one.cost, default=None) if not self._closed else None

    def _put_aside(self, place: Gateway | CarFile, error: EaiError) -> None:
        with self._lock:
            known = place in self._failed
            self._failed.setdefault(place, error)
        if not known and not self._closed:
            self.aside(place.url, error)

    def _failure(self, cid: Cid, missing: Iterable[NotThere]) -> SourceError:
        if self._closed:
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

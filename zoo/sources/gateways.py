"""A trustless gateway: gives blocks by their CIDs over HTTP, each checked; and how it has done so far.

Spec: ipfs/specs, http-gateways/trustless-gateway.md. Only single blocks are asked for
(`?format=raw`), which every such gateway must be able to give.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import closing

from zoo.errors import EaiError, IntegrityError, Interrupted, Malformed, SourceError
from zoo.ipfs import cid as cids
from zoo.ipfs.cid import Cid
from zoo.sources.answers import length, refuse
from zoo.sources.calls import MACHINE, OUTSIDE, Call, brief
from zoo.sources.web import Answer, Wait, Web, redirected

LOCAL = "http://127.0.0.1:8080"
"""Where Kubo's gateway is on one's own machine; asked before all others where it answers."""
PUBLIC = ("https://trustless-gateway.link", "https://ipfs.io", "https://4everland.io")
"""Gateways for everyone: best effort, and each sees what is asked for."""

WAIT = Wait(connect=5, more=20)
_PROBE = "bafkqaaa"
_PROBE_WAIT = Wait(connect=0.3, more=0.5)
_PROBE_LONGEST = 1.0

_RAW = "application/vnd.ipld.raw"
_OK = 200
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 5
_USUAL = 1.0
_SHARE = 0.3


class Gateway:
    """One gateway, and how it has done so far.

    Attributes:
        url: Without a slash at its end.
        lied: What was said when it gave other bytes than those asked for. Such a one is never asked again.
        took: How many seconds the last block took that it gave.

    Args:
        url: Its address.
        web: Gives what sends requests.
        wait: How long to wait for it.
        stranger: Whether somebody else named it, whom nobody here knows: then it must be on the internet.
    """

    def __init__(
        self, url: str, web: Callable[[], Web], wait: Wait = WAIT, *, stranger: bool = False
    ) -> None:
        self.url = url.rstrip("/")
        self.lied: IntegrityError | None = None
        self.took: float | None = None
        self._web, self._wait, self._stranger = web, wait, stranger
        self._lock = threading.Lock()
        self._busy, self._pace = 0, _USUAL
        self._beaten = 1

    @property
    def cost(self) -> float:
        """About how many seconds a further block would take now."""
        return (self._busy + 1) * self._pace

    def call(self) -> Call:
        """Make what a block can be asked for by."""
        return Call(most=OUTSIDE if self._stranger else MACHINE)

    def block(self, cid: Cid, most: int, call: Call) -> bytes:
        """Get a block, checked.

        Args:
            cid: Its name.
            most: Bytes that it may have.
            call: What it is asked for by; to end that ends this.

        Raises:
            SourceError: In any of its forms; `Interrupted` where asking again may help.
            IntegrityError: It gave another block.
        """
        with self._lock:
            self._busy += 1
        began = time.monotonic()
        took: float | None = None
        try:
            block = self._ask(str(cid), most, call)
            cids.check(cid, block)
            took = time.monotonic() - began
        except (SourceError, IntegrityError) as error:
            raise self._meant(error, call) from None
        finally:
            self._learn(began, took)
            call.close()
        return block

    def _meant(self, error: EaiError, call: Call) -> EaiError:
        """Say what an error means: what was cut short here is nobody's lie, and a lie is remembered."""
        if call.ended:
            return Interrupted(f"{self.url}: given up")
        if isinstance(error, IntegrityError):
            self.lied = IntegrityError(f"{self.url}: {error.message}")
            return self.lied
        return error

    def _learn(self, began: float, took: float | None) -> None:
        """Take in how long a block took, or (None) that it did not come."""
        with self._lock:
            self._busy -= 1
            if took is None:
                self._pace = max(self._pace, time.monotonic() - began)
            else:
                self._pace += _SHARE * (took - self._pace)
                self.took, self._beaten = took, 0

    def beaten(self) -> bool:
        """Note that another one gave a block first, though this one was asked before it.

        Returns:
            Whether it is of no use: it has not given any block yet, or none since this happened before.
        """
        with self._lock:
            self._beaten += 1
            return self._beaten > 1

    def answers(self) -> bool:
        """Whether it is there and is a trustless gateway: it is asked for the block of no bytes."""
        probe = Gateway(self.url, self._web, _PROBE_WAIT)
        try:
            with brief(probe.call(), _PROBE_LONGEST) as call:
                return probe.block(cids.parse(_PROBE), 0, call) == b""
        except (SourceError, IntegrityError):
            return False

    def _ask(self, name: str, most: int, call: Call) -> bytes:
        url = there = f"{self.url}/ipfs/{name}?format=raw"
        for _ in range(_MOST_REDIRECTS + 1):
            with closing(self._web().get(there, accept=_RAW, wait=self._wait, call=call)) as answer:
                if answer.status not in _REDIRECTS:
                    return _read(url, answer, most)
                there = redirected(there, answer.headers.get("location", ""))
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

"""Looks at the proxy once a second, and more often while somebody watches its page: what is new, it tells."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Iterator
from itertools import islice
from typing import Any

from zoo.serve.broadcast import Broadcast, Listener, event
from zoo.serve.flow import Sample
from zoo.serve.handlers import status
from zoo.serve.logfile import Follower
from zoo.serve.proxy import Proxy
from zoo.serve.tally import Noted

_log = logging.getLogger(__name__)

_SECOND = 1.0
_WATCHED = 0.1  # seconds between looks while somebody watches
_LINES, _LENGTH = 200, 2000  # of a log: lines at a time, characters of a line


class Pulse:
    """What the page shows beside the proxy's status, and who is told of changes.

    Args:
        proxy: What serves.
    """

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy
        self._followers = {name: Follower(log, 0) for name, log in proxy.logs.items()}
        self._broadcast = Broadcast()
        self._joined = asyncio.Event()
        self._last: dict[str, Any] = {}
        self._counted = 0

    async def run(self) -> None:
        """Look and tell, for as long as the proxy runs."""
        sampled = 0.0
        while True:
            if time.monotonic() - sampled >= _SECOND:
                sampled = time.monotonic()
                self._broadcast.tell("flow", [_rate(self._proxy.flow.sample(time.time()))])
            self._look()
            await self._rest()

    async def beating(self, _: object) -> AsyncIterator[None]:
        """Run beside an application."""
        task = asyncio.get_running_loop().create_task(self.run())
        task.add_done_callback(_ended)
        yield
        task.cancel()
        await asyncio.wait([task])

    def join(self) -> Listener | None:
        """Somebody watches from now on, and is told first what there is; None where too many do."""
        if not len(self._broadcast):
            for follower in self._followers.values():
                follower.read, follower.rest = follower.log.size(), b""
            self._counted = self._proxy.tally.count
        listener = self._broadcast.join()
        if listener is not None:
            for told in self._all():
                listener.put(told)
            self._joined.set()
        return listener

    def leave(self, listener: Listener) -> None:
        """Somebody watches no more."""
        self._broadcast.leave(listener)

    def close(self) -> None:
        """Let everybody who watches go."""
        self._broadcast.close()

    async def _rest(self) -> None:
        self._joined.clear()
        if len(self._broadcast):
            await asyncio.sleep(_WATCHED)
            return
        with contextlib.suppress(TimeoutError):  # nobody came to watch
            async with asyncio.timeout(_SECOND):
                await self._joined.wait()

    def _all(self) -> Iterator[bytes]:
        yield event("status", status(self._proxy))
        yield event("swap", list(self._proxy.history.swaps))
        yield event("request", list(map(_request, self._proxy.tally.recent)))
        yield event("flow", [_rate(sample) for sample in self._proxy.flow.samples])
        for name, follower in self._followers.items():
            yield event(
                "log", {"source": name, "lines": _cut(follower.log.tail(_LINES, until=follower.read))}
            )

    def _look(self) -> None:
        if swaps := self._proxy.history.look(self._proxy.scheduler.seen()):
            self._broadcast.tell("swap", swaps)
        if not len(self._broadcast):
            return
        now = status(self._proxy)
        lasting = {key: value for key, value in now.items() if key != "uptime"}
        if lasting != self._last:
            self._last = lasting
            self._broadcast.tell("status", now)
        if (new := self._proxy.tally.count - self._counted) > 0:
            self._counted = self._proxy.tally.count
            recent = self._proxy.tally.recent
            self._broadcast.tell(
                "request", list(map(_request, islice(recent, max(0, len(recent) - new), None)))
            )
        for name, follower in self._followers.items():
            if lines := follower.news():
                self._broadcast.tell("log", {"source": name, "lines": _cut(lines[-_LINES:])})


def _ended(task: asyncio.Task[None]) -> None:
    """Have a bug logged: without its pulse the page stands still, and all else goes on."""
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("the page is told nothing any more", exc_info=error)


def _rate(sample: Sample) -> dict[str, Any]:
    return {"at": sample.at, "rates": {model: round(rate, 2) for model, rate in sample.rates.items()}}


def _request(noted: Noted) -> dict[str, Any]:
    at, answered = noted
    return {"at": at, **answered._asdict()}


def _cut(lines: tuple[str, ...]) -> list[str]:
    return [line[:_LENGTH] for line in lines]

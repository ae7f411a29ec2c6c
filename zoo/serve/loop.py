"""The event loop of `eai up`: the server, the scheduler, and an orderly end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO, cast

from aiohttp import web

from zoo.environment.model import Environment
from zoo.serve import state, units
from zoo.serve.adapters import Adapters
from zoo.serve.addresses import Policy
from zoo.serve.app import make
from zoo.serve.gate import Gate
from zoo.serve.guard import Guard
from zoo.serve.history import History
from zoo.serve.journal import Journal
from zoo.serve.keys import Keyring
from zoo.serve.limits import Limits
from zoo.serve.listen import BACKLOG
from zoo.serve.logfile import LogFile
from zoo.serve.machine import Budget
from zoo.serve.meter import Meter
from zoo.serve.pictures import Pictures
from zoo.serve.proxy import Proxy
from zoo.serve.routing import Router
from zoo.serve.run import Told, main_model
from zoo.serve.rundir import RunDir
from zoo.serve.scheduler import Scheduler
from zoo.serve.spawn import Spawned
from zoo.serve.starter import Starter
from zoo.serve.tally import Tally
from zoo.serve.upstream import Upstream
from zoo.serve.watch import Watch

_TURN_OVER = 10.0
_LEAVE = 0.5  # seconds that handlers get to notice that they are cancelled

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """What was prepared before the event loop.

    Attributes:
        listening: The socket of the server, bound.
        first: The main model's engine, which is loading already.
        offline: Whether no connection may be opened, not even for a request.
    """

    environment: Environment
    budget: Budget
    run: RunDir
    sockets: Path
    listening: socket.socket
    host: str
    first: Spawned
    told: Told
    state: state.RunState
    keyring: Keyring
    limits: Limits
    offline: bool


def run(serving: Serving) -> bool:
    """Serve until a signal ends it; whether every request was answered to its end.

    Raises:
        EngineError: The main model did not start.
    """
    with _logged(serving.run) as log, asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(_serve(serving, log))


async def _serve(serving: Serving, log: TextIO) -> bool:
    loop = asyncio.get_running_loop()
    signals = _Signals(loop)
    adapters = Adapters(serving.environment.models)
    starter = Starter(
        serving.first,
        sockets=serving.sockets,
        run=serving.run,
        stop_limit=units.seconds(serving.environment.server.stop_timeout),
        loop=loop,
        loaded=adapters.loaded,
    )
    proxy = _proxy(serving, starter, Journal(log.write, loop), adapters)
    meter = Meter(proxy.scheduler, gpu=serving.budget.gpu is not None)
    starter.started = meter.soon
    runner = web.AppRunner(
        make(proxy),
        handler_cancellation=True,
        shutdown_timeout=_LEAVE,
    )
    await runner.setup()
    gate = Gate(proxy, cast("web.Server", runner.server))
    tending = loop.create_task(_tend(proxy.logs.values())), loop.create_task(meter.run())
    try:
        server = await loop.create_server(gate, sock=serving.listening, backlog=BACKLOG)
        state.write(serving.run, serving.state)
        await _until_signal(serving, proxy, signals)
        server.close()
        return await _drain(serving, proxy.scheduler, signals)
    finally:
        for each in tending:
            each.cancel()
        await runner.cleanup()
        await gate.close(_LEAVE)
        await proxy.scheduler.stop()
        starter.close()
        proxy.journal.flush()
        _log.info("stopped")


def _proxy(serving: Serving, starter: Starter, journal: Journal, adapters: Adapters) -> Proxy:
    environment, server = serving.environment, serving.environment.server
    history, loop = History(), asyncio.get_running_loop()
    names = [model.name for model in environment.models]
    scheduler: Scheduler[Upstream] = Scheduler(
        environment.models,
        history.timed(starter.start, began=time.time() - (time.monotonic() - serving.first.began)),
        budget=serving.budget,
        clock=loop,
        idle=units.seconds(server.idle_timeout),
        patience=units.seconds(server.drain_timeout),
        warm=starter.prepare,
    )
    return Proxy(
        environment=environment,
        router=Router(environment.models, server.unknown_model),
        scheduler=scheduler,
        budget=serving.budget,
        tally=Tally(scheduler.seen, serving.budget.size),
        journal=journal,
        guard=Guard(serving.host, server.allowed_hosts, server.allowed_origins, serving.keyring),
        watch=Watch(serving.limits, loop),
        logs={"proxy": serving.run.proxy_log} | {name: serving.run.engine_log(name) for name in names},
        history=history,
        pictures=Pictures(policy=Policy.of(server.remote_images), offline=serving.offline),
        adapters=adapters,
    )


class _Signals:
    """Counts the signals that ask for an end."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.once, self.again = asyncio.Event(), asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, self._one_more)

    def _one_more(self) -> None:
        (self.again if self.once.is_set() else self.once).set()


async def _until_signal(serving: Serving, proxy: Proxy, signals: _Signals) -> None:
    """Load the main model, tell that all is ready, and wait for a signal.

    Raises:
        EngineError: The main model did not start.
    """
    ended = asyncio.ensure_future(signals.once.wait())
    loading = asyncio.ensure_future(_load_main(serving, proxy))
    try:
        await asyncio.wait((ended, loading), return_when=asyncio.FIRST_COMPLETED)
        if loading.done():
            loading.result()
            serving.told.ready(serving.state.url)
            await ended
    finally:
        ended.cancel()
        loading.cancel()


async def _load_main(serving: Serving, proxy: Proxy) -> None:
    async with proxy.scheduler.hold(main_model(serving.environment).name):
        proxy.began = True
    more = [model.name for model in serving.environment.models if model.preload and not model.main]
    if skipped := set(more) - set(proxy.scheduler.preload(more)):
        _log.info("not loaded at the start, for want of memory: %s", ", ".join(sorted(skipped)))


async def _drain(serving: Serving, scheduler: Scheduler[Upstream], signals: _Signals) -> bool:
    """Let requests under way come to their end, unless a second signal or the drain timeout ends them."""
    under_way = sum(seen.holds for seen in scheduler.seen())
    serving.told.stopping(under_way)
    limit = units.seconds(serving.environment.server.drain_timeout)
    draining = asyncio.ensure_future(scheduler.drain(limit))
    at_once = asyncio.ensure_future(signals.again.wait())
    await asyncio.wait((draining, at_once), return_when=asyncio.FIRST_COMPLETED)
    draining.cancel()
    at_once.cancel()
    return not any(seen.holds for seen in scheduler.seen())


async def _tend(logs: Iterable[LogFile]) -> None:
    """Keep the logs small."""
    while True:
        await asyncio.sleep(_TURN_OVER)
        for log in logs:
            log.turn_over()


@contextlib.contextmanager
def _logged(run: RunDir) -> Iterator[TextIO]:
    """Send what the server logs to the proxy's log, and give that."""
    run.proxy_log.turn_over()
    handler = logging.StreamHandler(os.fdopen(run.proxy_log.open(), "w", buffering=1))
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    loggers = [logging.getLogger(name) for name in ("zoo", "aiohttp", "asyncio")]
    for logger in loggers:
        logger.addHandler(handler)
    level = loggers[0].level
    loggers[0].setLevel(logging.INFO)
    try:
        yield handler.stream
    finally:
        loggers[0].setLevel(level)
        for logger in loggers:
            logger.removeHandler(handler)
        handler.stream.close()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    if sys.platform == "win32":
        return asyncio.new_event_loop
    import uvloop  # noqa: PLC0415 - there is none for Windows

    return uvloop.new_event_loop

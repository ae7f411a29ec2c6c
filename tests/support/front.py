"""The proxy in this process, before an engine that is an aiohttp application on a unix socket."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import aiohttp
from aiohttp import web
from msgspec import convert
from support.bench import GIB

from zoo.environment.model import Environment, ServedModel
from zoo.serve.adapters import Adapters
from zoo.serve.addresses import Policy
from zoo.serve.app import make
from zoo.serve.gate import Gate
from zoo.serve.guard import Guard
from zoo.serve.history import History
from zoo.serve.journal import Journal
from zoo.serve.limits import Limits
from zoo.serve.logfile import LogFile
from zoo.serve.machine import Budget
from zoo.serve.pictures import Pictures
from zoo.serve.proxy import Proxy
from zoo.serve.routing import Router
from zoo.serve.scheduler import Scheduler
from zoo.serve.tally import Tally
from zoo.serve.upstream import Upstream
from zoo.serve.watch import Watch
from zoo.zoofile.model import Server

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


Raw = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Rough:
    """An engine that says what it wants to, HTTP or not.

    Args:
        script: Called for each connection, which is closed when it returns.
    """

    def __init__(self, script: Raw) -> None:
        self.script, self.tasks, self.connections = script, set[asyncio.Task[None]](), 0
        self.server: asyncio.Server | None = None

    async def start(self, path: Path) -> None:
        self.server = await asyncio.start_unix_server(self._serve, path)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.ensure_future(self.script(reader, writer))
        self.tasks.add(task)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await task
        finally:
            writer.close()

    async def cleanup(self) -> None:
        assert self.server is not None
        self.server.close()
        for task in self.tasks:
            task.cancel()
        await asyncio.sleep(0)


@dataclass(eq=False)
class Process:
    """Stands for an engine's process; the server itself runs in this one."""

    socket: Path
    runner: web.AppRunner | Rough
    dead: asyncio.Event = field(default_factory=asyncio.Event)
    noticed: bool = True

    async def died(self) -> str:
        await self.dead.wait()
        return "signal SIGKILL\n    out of luck"

    async def stop(self) -> None:
        await self.runner.cleanup()
        if self.noticed:
            self.dead.set()


@dataclass
class Front:
    """A proxy, and a client of it."""

    proxy: Proxy
    url: str
    client: aiohttp.ClientSession
    port: int
    processes: list[Process]
    seen: list[tuple[str, dict[str, str], bytes]]
    log: list[str]
    aiohttps: web.Server

    @property
    def holds(self) -> int:
        """Requests that hold an engine."""
        return sum(seen.holds for seen in self.proxy.scheduler.seen())

    async def connect(self) -> Talk:
        """Talk to it byte by byte."""
        return Talk(*await asyncio.open_connection("127.0.0.1", self.port))

    async def post(self, path: str, **json: object) -> tuple[int, dict[str, str], Any]:
        """Ask, and read the whole answer."""
        async with self.client.post(self.url + path, json=json) as response:
            return response.status, dict(response.headers), await response.json()

    async def get(self, path: str, **headers: str) -> tuple[int, Any]:
        async with self.client.get(self.url + path, headers=headers) as response:
            return response.status, await response.json()


@dataclass
class Talk:
    """A connection to the proxy, without a client that knows better."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def say(self, data: bytes) -> None:
        self.writer.write(data)

    def ask(self, body: bytes = b"{}", *headers: str, version: str = "1.1") -> None:
        """Send a chat request."""
        lines = [f"POST /v1/chat/completions HTTP/{version}", "Host: localhost", *headers]
        self.say("\r\n".join((*lines, f"Content-Length: {len(body)}", "", "")).encode() + body)

    async def head(self) -> tuple[int, dict[str, str]]:
        """Read the head of an answer; names are lower-case."""
        first, *lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
        pairs = (line.split(": ", 1) for line in lines)
        return int(first.split()[1]), {name.lower(): value for name, value in pairs}

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        """Read an answer with a length."""
        status, headers = await self.head()
        return status, headers, await self.reader.readexactly(int(headers["content-length"]))

    async def rest(self) -> bytes:
        """Read until the proxy closes."""
        return await self.reader.read()

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()


async def echo(request: web.Request) -> web.StreamResponse:
    """Answer with what was asked."""
    return web.Response(body=await request.read(), content_type="application/json")


@dataclass
class Engines:
    """Starts servers in the place of engines.

    Attributes:
        folder: Where their sockets are.
        answer: What they do with a request.
        rough: What they do with a connection, instead.
        adapters: Learn of each that was started.
        processes: All that were started.
        seen: Path, headers and body of each request.
        numbers: Of their sockets.
    """

    folder: Path
    answer: Answer
    rough: Raw | None
    adapters: Adapters
    processes: list[Process] = field(default_factory=list)
    seen: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    async def start(self, model: ServedModel) -> Upstream:
        path = self.folder / f"{next(self.numbers)}.sock"
        if self.rough is not None:
            await (engine := Rough(self.rough)).start(path)
            self.processes.append(Process(path, engine))
            return Upstream(self.processes[-1])
        app = web.Application(client_max_size=2**30)
        app.router.add_route("*", "/{any:.*}", self._handle)
        runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        process = Process(path, runner)
        await web.UnixSite(runner, process.socket).start()
        self.processes.append(process)
        await self.adapters.loaded(model.name, process.socket)
        return Upstream(process)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        self.seen.append((request.path_qs, dict(request.headers), await request.read()))
        return await self.answer(request)


@dataclass
class Options:
    """What a proxy may be given; see `front`."""

    guard: Guard
    limits: Limits
    logs: Mapping[str, LogFile]


def _proxy(
    models: tuple[ServedModel, ...],
    engines: Engines,
    options: Options,
    log: list[str],
    server: Mapping[str, object],
) -> Proxy:
    loop = asyncio.get_running_loop()
    budget, history = Budget(size=2 * GIB), History()
    environment = Environment(
        id="e" * 64,
        platform="linux-x86_64",
        server=convert({key.replace("_", "-"): value for key, value in server.items()}, Server),
        models=models,
    )
    scheduler = Scheduler(
        models, history.timed(engines.start), budget=budget, clock=loop, idle=None, patience=0.2
    )
    return Proxy(
        environment=environment,
        router=Router(models, environment.server.unknown_model),
        scheduler=scheduler,
        budget=budget,
        tally=Tally(scheduler.seen, 2 * GIB),
        journal=Journal(log.append, loop),
        guard=options.guard,
        watch=Watch(options.limits, loop),
        logs=options.logs,
        history=history,
        pictures=Pictures(policy=Policy.of(environment.server.remote_images)),
        adapters=engines.adapters,
    )


@contextlib.asynccontextmanager
async def front(
    *models: ServedModel,
    answer: Answer = echo,
    rough: Raw | None = None,
    loaded: bool = False,
    guard: Guard | None = None,
    limits: Limits | None = None,
    logs: Mapping[str, LogFile] | None = None,
    **server: object,
) -> AsyncIterator[Front]:
    """Serve models with engines that answer as a function says.

    Args:
        models: All that there are.
        answer: What engines do with a request.
        rough: What they do with a connection, instead.
        loaded: Whether the first one is ready before the first request.
        guard: Who may ask.
        limits: What a connection may take.
        logs: What the page shows.
        server: Settings, as in zoofile.toml.
    """
    options = Options(guard or Guard("127.0.0.1"), limits or Limits(), logs or {})
    log: list[str] = []
    with tempfile.TemporaryDirectory(prefix="eai") as folder:
        engines = Engines(Path(folder), answer, rough, Adapters(models))
        proxy = _proxy(models, engines, options, log, server)
        runner = web.AppRunner(make(proxy), handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        aiohttps = cast("web.Server", runner.server)
        gate = Gate(proxy, aiohttps)
        listening = await asyncio.get_running_loop().create_server(gate, "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        if loaded:
            async with proxy.scheduler.hold(models[0].name):
                pass
        try:
            async with aiohttp.ClientSession() as client:
                url, seen = f"http://127.0.0.1:{port}", engines.seen
                yield Front(proxy, url, client, port, engines.processes, seen, log, aiohttps)
        finally:
            listening.close()
            await runner.cleanup()
            await gate.close(0.1)
            await proxy.scheduler.stop()

"""The proxy in this process, before an engine that is an aiohttp application on a unix socket."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.abc import AbstractResolver
from msgspec import convert
from support.bench import GIB

from zoo.environment.model import Environment, ServedModel
from zoo.serve.adapters import Adapters
from zoo.serve.addresses import Policy
from zoo.serve.app import make
from zoo.serve.forward import Upstream
from zoo.serve.guard import Guard
from zoo.serve.history import History
from zoo.serve.limits import Limits
from zoo.serve.logfile import LogFile
from zoo.serve.machine import Budget
from zoo.serve.pictures import Pictures
from zoo.serve.proxy import Proxy
from zoo.serve.routing import Router
from zoo.serve.scheduler import Scheduler
from zoo.serve.tally import Tally
from zoo.serve.watch import Guarded, Watch
from zoo.zoofile.model import Server

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(eq=False)
class Process:
    """Stands for an engine's process; the server itself runs in this one."""

    socket: Path
    runner: web.AppRunner
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

    async def post(self, path: str, **json: object) -> tuple[int, dict[str, str], Any]:
        """Ask, and read the whole answer."""
        async with self.client.post(self.url + path, json=json) as response:
            return response.status, dict(response.headers), await response.json()

    async def get(self, path: str, **headers: str) -> tuple[int, Any]:
        async with self.client.get(self.url + path, headers=headers) as response:
            return response.status, await response.json()


async def echo(request: web.Request) -> web.StreamResponse:
    """Answer with what was asked."""
    return web.Response(body=await request.read(), content_type="application/json")


@asynccontextmanager
async def front(
    *models: ServedModel,
    answer: Answer = echo,
    guard: Guard | None = None,
    limits: Limits | None = None,
    logs: Mapping[str, LogFile] | None = None,
    resolver: AbstractResolver | None = None,
    **server: object,
) -> AsyncIterator[Front]:
    """Serve models with engines that answer as a function says."""
    processes: list[Process] = []
    seen: list[tuple[str, dict[str, str], bytes]] = []
    numbers = itertools.count()
    adapters = Adapters(models)
    with tempfile.TemporaryDirectory(prefix="eai") as folder:

        async def handle(request: web.Request) -> web.StreamResponse:
            seen.append((request.path_qs, dict(request.headers), await request.read()))
            return await answer(request)

        async def start(model: ServedModel) -> Upstream:
            app = web.Application(client_max_size=2**30)
            app.router.add_route("*", "/{any:.*}", handle)
            runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
            await runner.setup()
            process = Process(Path(folder) / f"{next(numbers)}.sock", runner)
            await web.UnixSite(runner, process.socket).start()
            processes.append(process)
            await adapters.loaded(model.name, process.socket)
            return Upstream(process)  # type: ignore[arg-type]

        loop = asyncio.get_running_loop()
        watch = Watch(limits or Limits(), loop)
        history = History()
        scheduler = Scheduler(
            models, history.timed(start), budget=2 * GIB, clock=loop, idle=None, patience=0.2
        )
        environment = Environment(
            id="e" * 64,
            platform="linux-x86_64",
            server=convert({key.replace("_", "-"): value for key, value in server.items()}, Server),
            models=models,
        )
        proxy = Proxy(
            environment=environment,
            router=Router(models, environment.server.unknown_model),
            scheduler=scheduler,
            budget=Budget(size=2 * GIB, declared=False),
            tally=Tally(scheduler.seen, 2 * GIB),
            guard=guard or Guard("127.0.0.1"),
            watch=watch,
            logs=logs or {},
            history=history,
            pictures=Pictures(policy=Policy.of(environment.server.remote_images), resolver=resolver),
            adapters=adapters,
        )
        runner = web.AppRunner(make(proxy), handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        protocol = runner.server
        assert protocol is not None
        server = await loop.create_server(lambda: Guarded(protocol(), watch, loop), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        try:
            async with aiohttp.ClientSession() as client:
                yield Front(proxy, f"http://127.0.0.1:{port}", client, port, processes, seen)
        finally:
            server.close()
            await runner.cleanup()
            await scheduler.stop()

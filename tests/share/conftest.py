"""A store with three objects, and a server of it, for all tests of sharing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import pytest
from aiohttp import ClientResponse, ClientSession, TCPConnector, web
from support.sharing import CONNECTIONS, DATA, MIDDLING, SMALL, STALL, Ask, Shared

from zoo.serve.limits import Limits
from zoo.share.app import application
from zoo.share.index import Index
from zoo.share.server import handlers
from zoo.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "store")
    for data in (DATA, MIDDLING, SMALL):
        (tmp_path / "file").write_bytes(data)
        store.adopt(tmp_path / "file")
    return store


@pytest.fixture
async def shared(store: Store) -> AsyncIterator[Shared]:
    index = Index(store)
    index.scan()
    runner = web.AppRunner(application(store, index, host="127.0.0.1", stall=STALL), shutdown_timeout=1)
    await runner.setup()
    made = handlers(cast("web.Server", runner.server), Limits(connections=CONNECTIONS, stall=STALL))
    server = await asyncio.get_running_loop().create_server(made, "127.0.0.1", 0)
    yield Shared(server.sockets[0].getsockname()[1], index)
    server.close()
    await runner.cleanup()


@pytest.fixture
async def ask(shared: Shared) -> AsyncIterator[Ask]:
    async with ClientSession(f"http://127.0.0.1:{shared.port}", connector=TCPConnector()) as session:

        async def ask(path: str, method: str = "GET", **headers: str) -> tuple[ClientResponse, bytes]:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            skip = () if "Accept" in headers else ("Accept",)
            async with session.request(method, path, headers=named, skip_auto_headers=skip) as response:
                return response, await response.read()

        yield ask

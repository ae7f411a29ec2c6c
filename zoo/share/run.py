"""Serves the store until it is told to stop, and takes in what is new in it."""

from __future__ import annotations

import asyncio
import signal
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import cast

from aiohttp import web

from zoo.errors import EaiError
from zoo.serve.limits import Limits
from zoo.serve.listen import BACKLOG
from zoo.share.app import application
from zoo.share.index import Index
from zoo.share.named import named
from zoo.share.server import handlers
from zoo.store import Store

_LOOK = 10.0
"""Seconds between two looks for new objects."""
_EACH = 512
"""Connections from one address at a time: a team behind one router comes from there, each fetch with 8."""
_GRACE = 0.5
"""Seconds that answers under way have when it stops; whoever fetches goes on where it was cut off."""


def share(
    store: Store,
    sock: socket.socket,
    *,
    host: str,
    indexed: Callable[[int], None],
    limits: Limits | None = None,
) -> None:
    """Serve a store's objects, until SIGINT, SIGTERM or SIGHUP.

    Args:
        store: The store; it is only read, but for the hashes of leaves that are kept beside objects.
        sock: Where it is served; it listens already.
        host: What that is bound to.
        indexed: Is told, from another thread, how many objects can be had by CID, whenever that changed.
        limits: What connections may take.
    """
    index = Index(store, lambda: named(store.projects()))
    stopped = threading.Event()

    def watch() -> None:
        told = -1
        while not stopped.is_set():
            with suppress(EaiError):  # the store cannot be listed now; it is looked at again
                index.scan(stopped.is_set)
            if (count := len(index.roots)) != told and not stopped.is_set():
                told = count
                indexed(count)
            stopped.wait(_LOOK)

    app = application(store, index, host=host)
    thread = threading.Thread(target=watch, name="eai-index", daemon=True)
    thread.start()
    try:
        # uvloop has no sendfile.
        with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
            runner.run(_serve(app, sock, limits or Limits(each=_EACH)))
    finally:
        stopped.set()


async def _serve(app: web.Application, sock: socket.socket, limits: Limits) -> None:
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, ended.set)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=_GRACE)
    await runner.setup()
    server = await loop.create_server(
        handlers(cast("web.Server", runner.server), limits), sock=sock, backlog=BACKLOG
    )
    try:
        await ended.wait()
    finally:
        server.close()
        await runner.cleanup()

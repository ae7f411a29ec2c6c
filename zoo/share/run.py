"""Serves the store until it is told to stop, and takes in what is new in it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable

from aiohttp import web

from zoo.share.app import application
from zoo.share.index import Index
from zoo.share.named import named
from zoo.store import Store

_LOOK = 10.0
"""Seconds between two looks for new objects."""
_GRACE = 5.0
"""Seconds that answers under way have when it stops."""


def share(store: Store, sock: socket.socket, *, host: str, indexed: Callable[[int], None]) -> None:
    """Serve a store's objects, until SIGINT or SIGTERM.

    Args:
        store: The store; it is only read, but for the hashes of leaves that are kept beside objects.
        sock: Where it is served; it listens already.
        host: What that is bound to.
        indexed: Is told, from another thread, how many objects can be had by CID, whenever that changed.
    """
    index = Index(store, lambda: named(store.projects()))
    stopped = threading.Event()

    def watch() -> None:
        told = -1
        while not stopped.is_set():
            index.scan(stopped.is_set)
            if (count := len(index.roots)) != told and not stopped.is_set():
                told = count
                indexed(count)
            stopped.wait(_LOOK)

    thread = threading.Thread(target=watch, name="eai-index", daemon=True)
    thread.start()
    try:
        web.run_app(
            application(store, index, host=host),
            sock=sock,
            print=None,
            access_log=None,
            shutdown_timeout=_GRACE,
        )
    finally:
        stopped.set()

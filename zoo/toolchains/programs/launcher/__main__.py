"""Serves one model with the llama.cpp server that is inside the `xllamacpp` wheel."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import time
from types import ModuleType
from typing import NoReturn

from . import flags, sentinel

_LOG = 0.1  # seconds for the engine's log, which a thread of its own writes, to be complete


def main(words: list[str]) -> NoReturn:
    """Load the model, say so, and serve until a signal comes: then exit 0, 1 where it did not load.

    Asked for `--version` alone, say that instead.
    """
    pipes, rest = sentinel.take_pipes(words)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Python's own handler would wait for the load to end
    sentinel.post(pipes)
    engine = _engine()
    if rest == ["--version"]:
        sys.stdout.write(f"xllamacpp {engine.__version__}\n")
        sys.exit(0)
    try:
        params = flags.params(engine, rest)
    except flags.Refused as refused:
        _fail(str(refused))
    sentinel.wait_for_go(pipes)
    _serve(_load(engine, params), pipes)


def _load(engine: ModuleType, params: object) -> object:
    """The running server: it answers requests when this returns."""
    try:
        return engine.Server(params)
    except (RuntimeError, ValueError):
        time.sleep(_LOG)
        _fail("the model did not load; the engine's own lines above say why")


def _serve(_running: object, pipes: sentinel.Pipes) -> NoReturn:
    """Keep the server until a signal comes. Streams under way are cut then: eai drains before."""
    wake = _wake_on_signals()
    sentinel.tell_ready(pipes)
    os.read(wake, 1)
    os._exit(0)


def _engine() -> ModuleType:
    try:
        return importlib.import_module("xllamacpp")
    except ImportError as error:
        _fail(f"the engine's library does not load: {error}")


def _wake_on_signals() -> int:
    """A descriptor that can be read once SIGTERM or SIGINT came, to whichever thread it was given.

    Installed after the load, so that until then a signal ends the process at once, by default.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    return reader


def _fail(message: str) -> NoReturn:
    """Say why on the last line, and leave without unwinding the engine's threads."""
    sys.stderr.write(f"error: {message}\n")
    sys.stderr.flush()
    os._exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])

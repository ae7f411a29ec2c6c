"""Programs that the benchmarks start: each until a block ends, at a port or a socket of its own."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from support.engine import UnixConnection

from zoo.environment.model import ServedModel

Connect = Callable[[], http.client.HTTPConnection]
TCP_ENGINE = (sys.executable, "-S", "-P", "-B", str(Path(__file__).with_name("tcp_engine.py")))
"""What serves a model at a port, for who knows no sockets; a port and llama-server's flags follow."""


def free_port() -> int:
    """A port that nobody has just now."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@contextlib.contextmanager
def running(*words: str | Path, **more: object) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program, which nobody hears, until the block ends."""
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(words, **{**quiet, **more}) as process:  # type: ignore[call-overload] - as it comes
        try:
            yield process
        finally:
            process.terminate()


@contextlib.contextmanager
def engine_alone(model: ServedModel, folder: Path) -> Iterator[Connect]:
    """Start a model's engine by hand, with the command line that eai has for it; its socket."""
    path = folder / "hand.sock"
    path.unlink(missing_ok=True)
    ready, ready_theirs = os.pipe()
    alive_theirs, alive = os.pipe()
    command = model.engine.command(path, ready_fd=ready_theirs, alive_fd=alive_theirs)
    pipes = (ready_theirs, alive_theirs)
    try:
        with running(*command.argv, env=dict(command.env), cwd=command.cwd, pass_fds=pipes):
            yield lambda: UnixConnection(path)
    finally:
        for pipe in (ready, alive, *pipes):
            os.close(pipe)

"""A small process beside the engine that kills it when eai is gone, whatever the engine is doing.

It is no thread, since loading a model holds Python's lock for as long as it takes, and a native engine
has no Python to run a thread in.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import time
from typing import NamedTuple, NoReturn

READY = b"ready\n"
_POLL = 0.005  # seconds between two looks at /health; a look costs the engine some 50 µs
_LOOK = 2.0  # seconds that one look may take
_MOST_FILES = 65536  # descriptors to close where the system states no limit of use


class Pipes(NamedTuple):
    """The pipes that eai gave: it holds the other ends.

    Attributes:
        alive: Can be read, which means its end, when eai is gone; None where nobody watches.
        ready: Takes the word that the engine answers; None where nobody reads it.
        go: Can be read when the model may be loaded; None for at once.
    """

    alive: int | None
    ready: int | None
    go: int | None = None


def take_pipes(words: list[str]) -> tuple[Pipes, list[str]]:
    """Split our own leading options from the engine's command line.

    Raises:
        ValueError: A descriptor is no number.
    """
    found: dict[str, int] = {}
    while len(words) > 1 and words[0] in {"--alive-fd", "--ready-fd", "--go-fd"}:
        found[words[0]] = int(words[1])
        words = words[2:]
    return Pipes(found.get("--alive-fd"), found.get("--ready-fd"), found.get("--go-fd")), words


def wait_for_go(pipes: Pipes) -> None:
    """Wait until the memory for the model is free; leave where eai no longer wants it."""
    if pipes.go is not None:
        if not os.read(pipes.go, 1):
            os._exit(0)
        os.close(pipes.go)


def tell_ready(pipes: Pipes) -> None:
    """Say that the engine answers; eai may have stopped listening."""
    if pipes.ready is not None:
        with contextlib.suppress(BrokenPipeError):  # it has
            os.write(pipes.ready, READY)


def post(pipes: Pipes, *, health: str | None = None) -> None:
    """Put a sentinel beside this process; call it before any thread is started.

    Args:
        pipes: What to watch, and where to tell of readiness.
        health: The unix socket to ask for /health until it answers 200; None: the caller tells.
    """
    if pipes.alive is None and health is None:
        return
    engine = os.getpid()
    # Only the engine holds the writing end: the sentinel reads its end when the engine is gone.
    watched, held = os.pipe()
    os.set_inheritable(held, True)  # noqa: FBT003 - positional in the stdlib; kept across exec
    middle = os.fork()
    if middle == 0:
        if os.fork() != 0:
            os._exit(0)  # so that the sentinel is nobody's zombie
        _stand(engine, watched, pipes, health)
    os.waitpid(middle, 0)
    os.close(watched)
    if pipes.alive is not None:
        os.close(pipes.alive)


def _stand(engine: int, watched: int, pipes: Pipes, health: str | None) -> NoReturn:
    """Be the sentinel."""
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        _close_all_but({watched, pipes.alive, pipes.ready if health else None})
        if health is not None and _wait_until_ready(engine, watched, pipes, health):
            tell_ready(pipes)
        _wait(engine, watched, pipes.alive, None)
    finally:
        os._exit(0)


def _wait_until_ready(engine: int, watched: int, pipes: Pipes, health: str) -> bool:
    """Ask until the engine answers (true) or is gone (false)."""
    while _wait(engine, watched, pipes.alive, _POLL):
        if _answers(health):
            return True
    return False


def _wait(engine: int, watched: int, alive: int | None, seconds: float | None) -> bool:
    """Wait that long; false once the engine is gone, which it is when eai is."""
    poll = select.poll()  # not select(): eai may hold so many files that numbers are beyond its reach
    for descriptor in (watched, alive):
        if descriptor is not None:
            poll.register(descriptor, select.POLLIN)
    ended = {descriptor for descriptor, _ in poll.poll(None if seconds is None else seconds * 1000)}
    if watched in ended:
        return False
    if alive is not None and alive in ended:
        _kill(engine)
        return False
    return True


def _kill(engine: int) -> None:
    """Kill the engine, and its whole group where it leads one."""
    with contextlib.suppress(ProcessLookupError):  # it has ended by itself
        if os.getpgid(engine) == engine:
            os.killpg(engine, signal.SIGKILL)
        else:
            os.kill(engine, signal.SIGKILL)


def _answers(health: str) -> bool:
    """Whether GET /health gives 200."""
    deadline = time.monotonic() + _LOOK
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(_LOOK)
        try:
            connection.connect(health)
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: engine\r\nConnection: close\r\n\r\n")
            head = b""
            while len(head) < len(b"HTTP/1.1 200") and time.monotonic() < deadline:
                piece = connection.recv(64)
                if not piece:
                    return False
                head += piece
        except OSError:
            return False
    return head[9:12] == b"200"


def _close_all_but(kept: set[int | None]) -> None:
    """Hold nothing open that somebody might wait for the end of."""
    limit = os.sysconf("SC_OPEN_MAX")
    if not 0 < limit < _MOST_FILES:
        limit = _MOST_FILES
    start = 0
    for descriptor in sorted(fd for fd in kept if fd is not None):
        os.closerange(start, descriptor)
        start = descriptor + 1
    os.closerange(start, limit)

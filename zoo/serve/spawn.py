"""Starts an engine: a process of its own group that listens on a unix socket nobody else can reach.

It needs no event loop and imports little, so that the main model loads while eai is still importing
its server. The engine holds the write end of one pipe, whose end of file says that it is gone, and
reads the other, whose end of file tells it that eai is gone, even by SIGKILL.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from zoo.environment.model import ServedModel
from zoo.errors import EngineError
from zoo.serve.logfile import LogFile

SOCKET_PATH_MAX = 103  # macOS allows 104 bytes with the final zero, Linux 108
_TOLD = 8


@dataclass(slots=True, eq=False)
class Spawned:
    """An engine process that may still be loading.

    Attributes:
        ready: The pipe on which it may say that it is ready; its end of file is the engine's end.
        alive: The pipe that it watches; closing it ends the engine.
        go: The pipe on which it waits before it loads its model; -1 where it does not wait.
        since: Where in the log this start begins.
        began: When it was started, or let load, on the monotonic clock.
    """

    model: ServedModel
    process: subprocess.Popen[bytes]
    socket: Path
    log: LogFile
    ready: int
    alive: int
    go: int
    since: int
    began: float

    def let_load(self) -> None:
        """Have one that waits load its model."""
        self.began = time.monotonic()
        with contextlib.suppress(BrokenPipeError):  # it is gone, as whoever waits for it will notice
            os.write(self.go, b"\n")

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the engine and all that it started."""
        # All of it has ended; where only the ended engine is left, macOS forbids it instead.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, number)

    def release(self) -> None:
        """Close the pipes and remove the socket; the process is gone."""
        for pipe in (self.ready, self.alive, self.go):
            if pipe >= 0:
                os.close(pipe)
        self.ready = self.alive = self.go = -1
        self.socket.unlink(missing_ok=True)

    def last_words(self) -> str:
        """The end of what it wrote to its log."""
        return "\n".join(f"    {line[:300]}" for line in self.log.tail(_TOLD, since=self.since))


def spawn(model: ServedModel, socket: Path, log: LogFile, *, waits: bool = False) -> Spawned:
    """Start the engine of a model.

    Args:
        model: Which one.
        socket: Where it will listen.
        log: Gets what it says.
        waits: Whether it loads the model only when it is let, and until then takes next to no memory.

    Raises:
        EngineError: It cannot be started at all.
    """
    if len(os.fsencode(socket)) > SOCKET_PATH_MAX:
        raise EngineError(
            f"the path of the engine's socket is too long: {socket}",
            hint="set XDG_RUNTIME_DIR or TMPDIR to a folder with a shorter path",
        )
    try:
        return _start(model, socket, log, waits=waits)
    except OSError as error:
        program = model.engine.program[0]
        raise EngineError(
            f"the engine of {model.name} cannot be started: {error.filename or program}: {error.strerror}",
            hint="`eai store verify` checks that the toolchain is whole",
        ) from error


def _start(model: ServedModel, socket: Path, log: LogFile, *, waits: bool) -> Spawned:
    socket.unlink(missing_ok=True)
    log.turn_over()
    since = log.size()
    with contextlib.ExitStack() as ours, contextlib.ExitStack() as theirs:
        ready, ready_theirs = _pipe(ours, theirs)
        alive_theirs, alive = _pipe(theirs, ours)
        go_theirs, go = _pipe(theirs, ours) if waits else (None, -1)
        output = log.open()
        theirs.callback(os.close, output)
        command = model.engine.command(socket, ready_fd=ready_theirs, alive_fd=alive_theirs, go_fd=go_theirs)
        process = subprocess.Popen(
            command.argv,
            env=dict(command.env),
            cwd=command.cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=[pipe for pipe in (ready_theirs, alive_theirs, go_theirs) if pipe is not None],
            process_group=0,
            umask=0o077,
        )
        ours.pop_all()
    return Spawned(model, process, socket, log, ready, alive, go, since, time.monotonic())


def _pipe(reading: contextlib.ExitStack, writing: contextlib.ExitStack) -> tuple[int, int]:
    """A pipe whose two ends are closed by these."""
    read, write = os.pipe()
    reading.callback(os.close, read)
    writing.callback(os.close, write)
    return read, write

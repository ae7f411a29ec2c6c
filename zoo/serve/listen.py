"""Takes the proxy's port before anything is loaded, and says who has it where it is taken."""

from __future__ import annotations

import errno
import resource
import socket
from pathlib import Path

from zoo.errors import EaiError
from zoo.serve import state
from zoo.serve.rundir import RunDir

BACKLOG = 1024
_FILES = 4096  # two for each connection, and some


def listen(host: str, port: int, runs: Path, *, command: str = "eai up") -> socket.socket:
    """Bind a host and a port, 0 for any that is free.

    Args:
        host: An address or a name of this machine.
        port: Where to listen.
        runs: The folder of all runs, to name the project whose proxy has the port.
        command: What the user has typed, for hints.

    Raises:
        EaiError: That cannot be.
    """
    _allow_files()
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server(address[:2], family=family, backlog=BACKLOG)
    except socket.gaierror as error:
        raise EaiError(
            f"{host} is no host of this machine: {error.strerror}", hint="127.0.0.1 always is one"
        ) from error
    except OSError as error:
        raise _refused(error, host, port, runs, command) from error


def _allow_files() -> None:
    """Let this process have as many connections open as it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _refused(error: OSError, host: str, port: int, runs: Path, command: str) -> EaiError:
    if error.errno == errno.EADDRINUSE:
        return EaiError(
            f"port {port} of {host} is taken by {_owner(port, runs)}",
            hint=f"stop that, or choose another port: `{command} --port 0` takes any that is free",
        )
    if error.errno in {errno.EACCES, errno.EPERM}:
        return EaiError(
            f"port {port} is not for every user to take", hint=f"`{command} --port 8080`, or any above 1023"
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return EaiError(f"{host} is no address of this machine", hint="127.0.0.1 always is one")
    return EaiError(f"cannot listen on {host}, port {port}: {error.strerror}")


def _owner(port: int, runs: Path) -> str:
    """Who listens on a port, as far as this user may know."""
    for folder in runs.glob("*/"):
        seen = state.running(RunDir(folder))
        if seen is not None and seen.port == port:
            return f"the eai that serves {seen.project} (pid {seen.pid})"
    import psutil  # noqa: PLC0415 - only to explain an error

    try:
        for connection in psutil.net_connections(kind="tcp"):
            listening = connection.status == psutil.CONN_LISTEN and connection.pid is not None
            if listening and tuple(connection.laddr)[1:2] == (port,):
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
    except psutil.Error:
        return "another program"
    return "another program"

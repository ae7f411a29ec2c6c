"""What is running for a project: written by its proxy, read by `eai status`, `down`, `logs` and `up`."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from zoo.errors import EaiError
from zoo.serve.rundir import RunDir, remove_sockets

_SLACK = 2.0  # seconds by which two readings of a process' start may differ


class RunState(msgspec.Struct, frozen=True, kw_only=True):
    """One running proxy.

    Attributes:
        pid: Of the proxy.
        born: When that process began, in seconds since 1970: a pid alone may be another's by now.
        host: What it is bound to.
        port: Where it listens.
        overrides: What the command line said otherwise than zoofile.toml: `host`, `port`.
        environment: Its id.
        project: The folder of the zoofile, to be shown.
        sockets: The folder of its engines' sockets.
        secret: What this user's own commands show it, also where it asks others for an API key.
    """

    pid: int
    born: float
    host: str
    port: int
    overrides: dict[str, str | int]
    environment: str
    project: str
    sockets: str
    secret: str

    @property
    def url(self) -> str:
        """Where this machine reaches it."""
        return url(self.host, self.port)

    @property
    def headers(self) -> dict[str, str]:
        """What to ask it with."""
        return {"Authorization": f"Bearer {self.secret}"}


def url(host: str, port: int) -> str:
    """The address at which this machine reaches what is bound to a host and a port."""
    reach = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    return f"http://[{reach}]:{port}" if ":" in reach else f"http://{reach}:{port}"


def read(run: RunDir) -> RunState | None:
    """What its proxy wrote, whether it still runs or not; None where nothing readable is there."""
    try:
        return msgspec.json.decode(run.state.read_bytes(), type=RunState)
    except (OSError, msgspec.DecodeError):
        return None


def running(run: RunDir) -> RunState | None:
    """The proxy of this project, if it runs."""
    state = read(run)
    return state if state is not None and is_alive(state) else None


def is_alive(state: RunState) -> bool:
    """Whether the process that wrote this is still there."""
    import psutil  # noqa: PLC0415 - 20 ms that `eai up` spends while the engine loads

    try:
        process = psutil.Process(state.pid)
        return abs(process.create_time() - state.born) < _SLACK and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def born() -> float:
    """When this process began, in seconds since 1970."""
    import psutil  # noqa: PLC0415 - as above

    return float(psutil.Process().create_time())


def write(run: RunDir, state: RunState) -> None:
    """Tell every other process of this user, at once or not at all."""
    temporary = run.state.with_suffix(".new")
    temporary.unlink(missing_ok=True)
    made = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(made, "wb") as file:
        file.write(msgspec.json.encode(state))
    temporary.replace(run.state)


@contextlib.contextmanager
def claimed(run: RunDir, project: Path) -> Iterator[None]:
    """Be the one proxy of a project; what a killed one left behind is removed.

    Raises:
        EaiError: Another one runs.
    """
    run.prepare()
    guard = os.open(run.guard, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise _already(run, project) from error
        except OSError as error:  # a filesystem that knows no locks
            if running(run) is not None:
                raise _already(run, project) from error
        if (dead := read(run)) is not None:
            remove_sockets(Path(dead.sockets))
        run.state.unlink(missing_ok=True)
        try:
            yield
        finally:
            run.state.unlink(missing_ok=True)
    finally:
        os.close(guard)


def _already(run: RunDir, project: Path) -> EaiError:
    state = read(run)
    where = f" at {state.url} (pid {state.pid})" if state is not None else ""
    return EaiError(
        f"{project} is being served already{where}",
        hint="`eai status` shows it, `eai down` stops it",
    )

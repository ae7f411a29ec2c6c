"""Serves an environment until a signal ends it: `eai up`.

In the order that brings the first answer soonest: take the port, start the main model's engine, and
import and start the server while that loads.
"""

from __future__ import annotations

import gc
import os
import secrets
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from zoo.environment.model import Environment, ServedModel
from zoo.serve import machine, state
from zoo.serve.keys import LOCAL, Key, Keyring
from zoo.serve.limits import Limits
from zoo.serve.listen import listen
from zoo.serve.rundir import remove_sockets, run_dir, sockets_dir
from zoo.serve.spawn import Spawned, spawn


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to serve.

    Attributes:
        data: Where eai keeps everything.
        project: The folder of the zoofile.
        host: Instead of the zoofile's.
        port: Instead of the zoofile's; 0 for any that is free.
        runtime: XDG_RUNTIME_DIR, where it is set: engines' sockets are best kept there.
        keys: Whoever asks must have one of these; empty where nobody needs one.
        limits: What a connection may take.
        offline: Whether no connection may be opened, not even for an image that a request names.
    """

    data: Path
    project: Path
    host: str | None = None
    port: int | None = None
    runtime: str | None = None
    keys: tuple[Key, ...] = ()
    limits: Limits = field(default_factory=Limits)
    offline: bool = False

    @property
    def overrides(self) -> dict[str, str | int]:
        """What is not as the zoofile says."""
        both: dict[str, str | int | None] = {"host": self.host, "port": self.port}
        return {key: value for key, value in both.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Whom to tell how serving goes.

    Attributes:
        ready: Called once, when the main model answers, with the server's URL.
        stopping: Called when a signal ends it, with the number of requests still under way.
    """

    ready: Callable[[str], None]
    stopping: Callable[[int], None]


def serve(environment: Environment, options: Options, told: Told) -> bool:
    """Serve until SIGTERM, SIGINT or SIGHUP; a second one ends also what is under way.

    Returns:
        Whether every request was answered to its end.

    Raises:
        EngineError: The main model did not start.
        EaiError: The project is being served already, or the port is taken.
    """
    run = run_dir(options.data, options.project)
    host = options.host or environment.server.host
    port = environment.server.port if options.port is None else options.port
    with state.claimed(run, options.project):
        room = machine.of(environment)
        main = main_model(environment)
        machine.require_room(main, room)
        listening = listen(host, port, run.path.parent)
        sockets = sockets_dir(options.runtime)
        first: Spawned | None = None
        try:
            first = spawn(main, sockets / "0.sock", run.engine_log(main.name))
            with _quick_imports():
                from zoo.serve import loop  # noqa: PLC0415 - 200 ms, while the engine loads
            own = _state(environment, options, host, listening.getsockname()[1], sockets)

            serving = loop.Serving(
                environment=environment,
                budget=room,
                run=run,
                sockets=sockets,
                listening=listening,
                host=host,
                first=first,
                told=told,
                offline=options.offline,
                state=own,
                keyring=Keyring((*options.keys, Key.of(LOCAL, own.secret)) if options.keys else ()),
                limits=options.limits,
            )
            return loop.run(serving)
        finally:
            listening.close()
            if first is not None and first.process.poll() is None:
                first.signal(signal.SIGKILL)
                first.process.wait()
            remove_sockets(sockets)


def _state(environment: Environment, options: Options, host: str, port: int, sockets: Path) -> state.RunState:
    """What other commands are told of this process."""
    return state.RunState(
        pid=os.getpid(),
        born=state.born(),
        host=host,
        port=port,
        overrides=options.overrides,
        environment=environment.id,
        project=os.fsencode(options.project).decode(errors="replace"),  # as JSON holds text only
        sockets=str(sockets),
        secret=secrets.token_urlsafe(32),
    )


def main_model(environment: Environment) -> ServedModel:
    """The model that is loaded from the start."""
    return next(model for model in environment.models if model.main)


@contextmanager
def _quick_imports() -> Iterator[None]:
    """Import in two thirds of the time.

    aiohttp reads every certificate authority of the system when it is imported, and nothing here speaks
    TLS; and there is no garbage among modules, now or later.
    """
    names = ("SSL_CERT_FILE", "SSL_CERT_DIR")
    before = {name: os.environ[name] for name in names if name in os.environ}
    os.environ.update(dict.fromkeys(names, os.devnull))
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
        for name in names:
            del os.environ[name]
        os.environ.update(before)

"""Tests for the relay, which makes a server on TCP one on a unix socket that nobody else reaches."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import psutil
import pytest
from support import tcp_server
from support.engine import PROGRAMS, Engine, Engines
from support.serving import until

from zoo.environment.model import Command

MODULE = "launcher.relay"
BIG = "x" * 3_000_000


@pytest.fixture
def program(tmp_path: Path) -> Path:
    return tcp_server.write(tmp_path / "sd-server")


def start(engines: Engines, program: Path, *flags: str) -> Engine:
    return engines.start(*flags, module=MODULE, program=(str(program),))


def refused(engines: Engines, program: Path) -> Engine:
    """Start it where the kernel would grant no network of one's own."""
    script = (
        "import sys; from launcher import enclosure, relay; "
        "enclosure.enter = lambda **_: False; relay.main(sys.argv[1:])"
    )

    def command(path: Path, ready: int, alive: int) -> Command:
        pipes = ("--alive-fd", str(alive), "--ready-fd", str(ready))
        argv = (sys.executable, "-S", "-B", "-c", script, str(program), *pipes, "--host", str(path))
        return Command(argv=argv, env={"PYTHONPATH": str(PROGRAMS)}, cwd=engines.folder)

    return engines.launch(command)


def children(engine: Engine) -> list[psutil.Process]:
    return psutil.Process(engine.process.pid).children(recursive=True)


def is_gone(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def test_it_is_announced_when_it_answers_and_passes_everything_on(engines: Engines, program: Path) -> None:
    engine = start(engines, program).until_ready()

    assert engine.ask("/v1/models") == {"data": []}
    assert engine.ask("/echo", {"big": BIG}) == {"big": BIG}


def test_readiness_is_told_at_once(engines: Engines, program: Path) -> None:
    engine = start(engines, program).until_ready()
    told = time.time()

    assert told - float(engine.log.read_text()) < 0.25  # 5 ms and two connections, where nobody else is busy


def test_nobody_reaches_its_port_where_the_kernel_grants_a_network(engines: Engines, program: Path) -> None:
    engine = start(engines, program).until_ready()
    (server,) = children(engine)
    granted = Path(f"/proc/{server.pid}/ns/net").readlink() != Path("/proc/self/ns/net").readlink()

    listening = {c.pid for c in psutil.net_connections("tcp") if c.status == psutil.CONN_LISTEN}

    # Where the kernel refuses (some containers), it listens where others could come, as is documented.
    assert granted != (server.pid in listening)


def test_where_it_is_refused_a_free_port_serves(engines: Engines, program: Path) -> None:
    one, other = (refused(engines, program).until_ready() for _ in range(2))

    assert one.ask("/echo", {"a": 1}) == {"a": 1}
    assert other.ask("/echo", {"b": 2}) == {"b": 2}
    servers = {server.pid for engine in (one, other) for server in children(engine)}
    ports = {c.laddr.port for c in psutil.net_connections("tcp") if c.pid in servers and not c.raddr}
    assert len(ports) == 2


@pytest.mark.parametrize("kind", ["term", "parent gone", "killed"])
def test_nothing_of_it_outlives_it(engines: Engines, program: Path, kind: str) -> None:
    engine = start(engines, program).until_ready()
    left = children(engine)

    if kind == "term":
        engine.process.send_signal(signal.SIGTERM)
        assert engine.ended() == 0
    elif kind == "killed":
        engine.process.kill()
        assert engine.ended() == -signal.SIGKILL
    else:
        engine.leave()
        assert engine.ended() == -signal.SIGKILL

    until(lambda: all(is_gone(each) for each in left))
    assert os.read(engine.ready, 1) == b""


def test_it_ends_with_its_program(engines: Engines, program: Path) -> None:
    engine = start(engines, program).until_ready()
    (server,) = children(engine)

    server.kill()

    assert engine.ended() == 1
    assert "error: the engine ended with exit code -9" in engine.log.read_text()


def test_a_program_that_fails_is_never_announced(engines: Engines, program: Path) -> None:
    engine = start(engines, program, "--fail", "yes")

    assert engine.ended() == 1
    assert os.read(engine.ready, 1) == b""
    assert "exit code 7" in engine.log.read_text()


def test_a_program_that_cannot_be_started_is_named(engines: Engines) -> None:
    engine = start(engines, Path("/none/sd-server"))

    assert engine.ended() == 126
    assert engine.log.read_text() == "error: cannot start /none/sd-server: No such file or directory\n"

"""Engine processes: how they are waited for, ended, and missed. The engines are small scripts."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from support.bench import a_model

from zoo.environment.model import EngineProgram, ServedModel
from zoo.errors import EngineError
from zoo.serve.engine import EngineProcess
from zoo.serve.logfile import LogFile
from zoo.serve.spawn import spawn

READY = "import os,sys,time; os.write(int(sys.argv[4]), b'ready\\n'); "


@pytest.fixture
def sockets() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="eai") as folder:
        yield Path(folder)


def model_of(script: str, folder: Path) -> ServedModel:
    """A model whose engine runs this script; argv is -c --alive-fd N --ready-fd N --host PATH."""
    program = EngineProgram(
        program=(sys.executable, "-c", script), flags=("-m", "x"), env={"ONLY": "this"}, cwd=folder
    )
    return a_model("m", engine=program)


def start(script: str, folder: Path, stop_limit: float | None = 5.0) -> EngineProcess:
    spawned = spawn(model_of(script, folder), folder / "s.sock", LogFile(folder / "m.log"))
    return EngineProcess(spawned, asyncio.get_running_loop(), stop_limit)


async def test_readiness_is_heard_at_once_and_stopping_leaves_nothing(sockets: Path) -> None:
    engine = start(READY + "open(sys.argv[6], 'w'); time.sleep(99)", sockets)
    await engine.answers(10)
    await engine.stop()
    assert "SIGTERM" in await engine.died()
    assert not engine.socket.exists()
    await engine.stop()  # may be called again


async def test_an_engine_gets_a_group_of_its_own_and_nothing_of_our_environment(sockets: Path) -> None:
    engine = start(
        "import os; print(dict(os.environ), os.getpgid(0) == os.getpid(), flush=True)\n"
        + READY
        + "time.sleep(99)",
        sockets,
    )
    await engine.answers(10)
    await engine.stop()
    said = (sockets / "m.log").read_text()
    assert "'ONLY': 'this'" in said
    assert "HOME" not in said
    assert "True" in said


async def test_an_engine_that_ends_while_loading_is_an_error_with_its_last_words(sockets: Path) -> None:
    engine = start("import sys; print('loading', flush=True); sys.exit('E no tensor output.weight')", sockets)
    with pytest.raises(
        EngineError, match=r"ended while loading: exit code 1\n.*loading\n.*E no tensor"
    ) as caught:
        await engine.answers(10)
    assert caught.value.hint == "`eai logs m` shows all that it said"


async def test_the_last_words_are_of_this_start_only(sockets: Path) -> None:
    (sockets / "m.log").write_text("something old\n")
    engine = start("import sys; sys.exit('new')", sockets)
    with pytest.raises(EngineError) as caught:
        await engine.answers(10)
    assert "old" not in caught.value.message


async def test_an_engine_that_takes_too_long_is_ended(sockets: Path) -> None:
    engine = start("import time; time.sleep(99)", sockets)
    with pytest.raises(EngineError, match=r"was not ready in 0\.1 s"):
        await engine.answers(0.1)
    await asyncio.wait_for(engine.died(), 5)


async def test_an_engine_that_nobody_waits_for_any_more_is_ended(sockets: Path) -> None:
    engine = start("import time; time.sleep(99)", sockets)
    waiting = asyncio.create_task(engine.answers(10))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await asyncio.wait_for(engine.died(), 5)


async def test_an_engine_that_does_not_hear_sigterm_is_killed_with_all_it_started(sockets: Path) -> None:
    script = (
        "import os, signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = subprocess.Popen(['/bin/sleep', '99'])\n"
        "print(child.pid, flush=True)\n" + READY + "time.sleep(99)"
    )
    engine = start(script, sockets, 0.1)
    await engine.answers(10)
    child = int((sockets / "m.log").read_text())
    await engine.stop()
    assert "SIGKILL" in await engine.died()
    while _runs(child):  # noqa: ASYNC110 - the end of another's child sets no event of ours
        await asyncio.sleep(0.01)


async def test_a_death_is_noticed_and_described(sockets: Path) -> None:
    engine = start(READY + "print('GGML_ASSERT failed', flush=True); time.sleep(99)", sockets)
    await engine.answers(10)
    os.kill(engine.pid, signal.SIGSEGV)
    assert (await asyncio.wait_for(engine.died(), 5)).startswith("signal SIGSEGV")
    await engine.stop()


async def test_a_program_that_is_not_there_is_an_error(sockets: Path) -> None:
    program = EngineProgram(program=("/nonexistent/llama-server",), flags=(), env={}, cwd=sockets)
    with pytest.raises(EngineError, match=r"the engine of m cannot be started: /nonexistent/llama-server"):
        spawn(a_model("m", engine=program), sockets / "s.sock", LogFile(sockets / "m.log"))


def test_too_many_open_files_are_an_error_and_none_is_left_open(sockets: Path) -> None:
    model, log = model_of("", sockets), LogFile(sockets / "m.log")
    log.path.touch()
    before = set(Path("/dev/fd").iterdir())
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, limit[1]))
    try:
        with pytest.raises(EngineError, match=r"cannot be started: .*Too many open files"):
            spawn(model, sockets / "s.sock", log)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limit)
    assert set(Path("/dev/fd").iterdir()) == before


async def test_a_socket_path_that_no_system_takes_is_an_error(sockets: Path) -> None:
    with pytest.raises(EngineError, match="too long"):
        spawn(model_of("", sockets), sockets / ("s" * 100), LogFile(sockets / "m.log"))


def _runs(pid: int) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False

"""Engines that are prepared before they may load, with the real engine."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psutil
import pytest
from support.engine import UnixConnection
from support.proxies import Weights, runs
from support.serving import served, until

from zoo.environment.model import ServedModel
from zoo.errors import EngineError
from zoo.serve.rundir import RunDir
from zoo.serve.starter import Starter

pytestmark = pytest.mark.engine


class Reads:
    """Notes whose files are read ahead."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def __call__(self, model: ServedModel) -> Callable[[], None]:
        self.said.append(model.name)
        return lambda: self.said.append(f"-{model.name}")


@pytest.fixture
def reads() -> Reads:
    return Reads()


@pytest.fixture
async def starter(reads: Reads) -> AsyncIterator[Starter]:
    with tempfile.TemporaryDirectory(prefix="eai") as name:
        folder, loop = Path(name), asyncio.get_running_loop()
        made = Starter(None, sockets=folder, run=RunDir(folder), stop_limit=5.0, loop=loop, read=reads)
        yield made
        made.close()
        left = [each for each in psutil.Process().children() if "launcher" in each.cmdline()]
        assert not any(map(runs, left))


def prepared() -> psutil.Process:
    """The one process that was prepared."""
    (process,) = psutil.Process().children()
    return process


async def test_what_was_prepared_waits_until_it_may_load_and_is_then_the_engine(
    starter: Starter, reads: Reads, weights: Weights
) -> None:
    model = served(weights.chat, "chat")
    undo = starter.prepare(model)
    process = prepared()
    until(lambda: any("xllamacpp" in each.path for each in process.memory_maps()))
    assert not any(each.path.endswith(".gguf") for each in process.memory_maps())
    engine = await starter.start(model)
    undo()  # too late: it is used
    assert engine.process.pid == process.pid
    connection = UnixConnection(engine.process.socket)
    connection.request("GET", "/health")
    assert connection.getresponse().status == 200
    connection.close()
    await engine.stop()
    assert reads.said == ["chat", "-chat"]


async def test_what_is_not_wanted_any_more_is_ended_before_it_loads(
    starter: Starter, reads: Reads, weights: Weights
) -> None:
    undo = starter.prepare(served(weights.chat, "chat"))
    process = prepared()
    undo()
    while runs(process):  # noqa: ASYNC110 - a thread waits for it
        await asyncio.sleep(0.01)
    assert reads.said == ["chat", "-chat"]


async def test_what_was_never_asked_for_ends_with_all(starter: Starter, weights: Weights) -> None:
    starter.prepare(served(weights.chat, "chat"))
    process = prepared()
    starter.close()
    assert not runs(process)


async def test_a_process_that_died_while_it_waited_is_an_error_of_its_start(
    starter: Starter, weights: Weights
) -> None:
    model = served(weights.chat, "chat")
    starter.prepare(model)
    prepared().kill()
    with pytest.raises(EngineError, match="ended while loading: signal SIGKILL"):
        await starter.start(model)


async def test_what_cannot_be_prepared_is_an_error_only_when_it_is_started(
    starter: Starter, weights: Weights
) -> None:
    model = served(weights.chat, "chat", program=("/nonexistent/launcher",))
    starter.prepare(model)()
    with pytest.raises(EngineError, match="cannot be started"):
        await starter.start(model)

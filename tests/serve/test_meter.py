"""What engines really take, and what the scheduler makes of it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.bench import GIB, BenchMaker, a_model, settle
from support.serving import until

from zoo.environment.model import ServedModel
from zoo.serve.machine import Budget
from zoo.serve.memory import Memory
from zoo.serve.meter import Meter, taken
from zoo.serve.scheduler import Scheduler

MIB = 2**20
CHILD = "import time; b = b'x' * (20 << 20); print(1, flush=True); time.sleep(99)"
MAPS = f"""
import mmap, os, subprocess, sys
data = mmap.mmap(os.open(sys.argv[1], os.O_RDONLY), 0, prot=mmap.PROT_READ)
touched = sum(data[i] for i in range(0, len(data), 4096))
subprocess.run([sys.executable, "-c", {CHILD!r}])
"""


def test_a_group_is_counted_with_its_mapped_weights_and_all_it_started(tmp_path: Path) -> None:
    weights = tmp_path / "weights"
    weights.write_bytes(os.urandom(30 * MIB))
    with subprocess.Popen(
        (sys.executable, "-c", MAPS, str(weights)), stdout=subprocess.PIPE, process_group=0
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        found = taken(process.pid, gpu=False)
        os.killpg(process.pid, 9)
    assert 50 * MIB < found.host < 100 * MIB
    assert found.gpu == 0
    until(lambda: taken(process.pid, gpu=False) == Memory())  # what it started ends a moment later


async def test_an_engine_counts_with_what_it_takes_where_that_is_more(bench: BenchMaker) -> None:
    b = bench(a_model("a"), a_model("b"), budget=3 * GIB)
    await (await b.ask("a")).finish()
    b.scheduler.measured("a", b.farm.engine("a"), Memory(GIB // 2))
    (seen, _) = b.scheduler.seen()
    assert (seen.counted, seen.used) == (Memory(GIB), Memory(GIB // 2))  # it may yet fill its context
    b.scheduler.measured("a", b.farm.engine("a"), Memory(5 * GIB // 2))
    assert b.scheduler.seen()[0].counted == Memory(5 * GIB // 2)
    assert (await b.ask("b")).served
    assert b.state("a") == "unloaded"  # both do not fit, as is known now
    assert b.scheduler.seen()[0].used is None


async def test_idle_models_make_room_for_one_that_grew(bench: BenchMaker) -> None:
    b = bench(a_model("a"), a_model("b"), budget=2 * GIB)
    await (await b.ask("a")).finish()
    await b.clock.pass_time(1)
    await b.ask("b")
    b.scheduler.measured("b", b.farm.engine("b"), Memory(2 * GIB))
    await settle()
    assert (b.state("a"), b.state("b")) == ("unloaded", "ready")


async def test_a_model_in_use_makes_room_for_one_that_grew_when_its_request_ends(bench: BenchMaker) -> None:
    b = bench(a_model("a"), a_model("b"), budget=2 * GIB)
    client = await b.ask("a")
    await b.ask("b")
    b.scheduler.measured("b", b.farm.engine("b"), Memory(2 * GIB))
    await settle()
    assert b.state("a") == "ready"
    await client.finish()
    await settle()
    assert (b.state("a"), b.state("b")) == ("unloaded", "ready")


async def test_what_was_loaded_once_can_be_loaded_again_alone(bench: BenchMaker) -> None:
    b = bench(a_model("a"), budget=2 * GIB)
    await (await b.ask("a")).finish()
    b.scheduler.measured("a", b.farm.engine("a"), Memory(9 * GIB))
    assert await b.scheduler.unload("a", None)
    assert (await b.ask("a")).served


async def test_what_is_measured_of_an_engine_that_is_gone_counts_for_nobody(bench: BenchMaker) -> None:
    b = bench(a_model("a"), budget=2 * GIB)
    await (await b.ask("a")).finish()
    old = b.farm.engine("a")
    await b.scheduler.unload("a", None)
    await b.ask("a")
    b.scheduler.measured("a", old, Memory(2 * GIB))
    assert b.scheduler.seen()[0].used is None


@dataclass
class Process:
    pid: int


class Running:
    """An engine that is a process, as far as the meter can see."""

    def __init__(self, model: ServedModel) -> None:
        self.process = Process(len(model.name))

    async def died(self) -> str:
        await asyncio.Event().wait()
        return ""

    async def stop(self) -> None:
        pass


@pytest.fixture
async def scheduler() -> AsyncIterator[Scheduler[Running]]:
    async def start(model: ServedModel) -> Running:
        return Running(model)

    made = Scheduler(
        [a_model("a"), a_model("bb")],
        start,
        budget=Budget(size=9 * GIB),
        clock=asyncio.get_running_loop(),
        idle=None,
        patience=None,
    )
    yield made
    await made.stop()


async def test_engines_are_measured_when_they_are_loaded(scheduler: Scheduler[Running]) -> None:
    asked: list[int] = []

    def measure(pid: int, gpu: bool) -> Memory:  # noqa: FBT001 - as the meter calls it
        asked.append(pid)
        return Memory(pid * GIB, int(gpu))

    meter = Meter(scheduler, gpu=True, settled=0.0, measure=measure)
    running = asyncio.create_task(meter.run())
    async with scheduler.hold("a"):
        meter.soon()
        while scheduler.seen()[0].used is None:  # noqa: ASYNC110 - the meter tells nobody
            await asyncio.sleep(0.001)
    await scheduler.load("bb")
    meter.soon()
    while scheduler.seen()[1].used is None:  # noqa: ASYNC110 - as above
        await asyncio.sleep(0.001)
    assert [seen.used for seen in scheduler.seen()] == [Memory(GIB, 1), Memory(2 * GIB, 1)]
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running

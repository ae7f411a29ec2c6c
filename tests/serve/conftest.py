"""Fixtures of the server's tests."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from support.bench import GIB, Bench, BenchMaker, Clock, Farm
from support.proxies import Weights
from support.serving import Proxies

from zoo.environment.model import ServedModel
from zoo.serve.machine import Budget
from zoo.serve.prefetch import Warm
from zoo.serve.scheduler import Scheduler


@pytest.fixture
async def bench() -> AsyncIterator[BenchMaker]:
    made: list[Bench] = []

    def make(
        *models: ServedModel,
        budget: int | Budget = 2 * GIB,
        idle: float | None = 1800.0,
        patience: float | None = 60.0,
        warm: Warm | None = None,
    ) -> Bench:
        clock, farm = Clock(), Farm()
        scheduler = Scheduler(
            models,
            farm.start,
            budget=Budget(size=budget) if isinstance(budget, int) else budget,
            clock=clock,
            idle=idle,
            patience=patience,
            warm=warm,
        )
        made.append(Bench(scheduler, farm, clock))
        return made[-1]

    yield make
    for each in made:
        await each.close()


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    return Weights(tmp_path_factory.mktemp("weights"))


@pytest.fixture
def proxies() -> Iterator[Proxies]:
    with tempfile.TemporaryDirectory(prefix="eai") as folder:
        made = Proxies(Path(folder))
        yield made
        made.close()

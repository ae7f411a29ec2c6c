"""Fixtures of the server's tests."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from support.bench import GIB, Bench, BenchMaker, Clock, Farm

from zoo.environment.model import ServedModel
from zoo.serve.scheduler import Scheduler


@pytest.fixture
async def bench() -> AsyncIterator[BenchMaker]:
    made: list[Bench] = []

    def make(
        *models: ServedModel,
        budget: int = 2 * GIB,
        idle: float | None = 1800.0,
        patience: float | None = 60.0,
    ) -> Bench:
        clock, farm = Clock(), Farm()
        scheduler = Scheduler(models, farm.start, budget=budget, clock=clock, idle=idle, patience=patience)
        made.append(Bench(scheduler, farm, clock))
        return made[-1]

    yield make
    for each in made:
        await each.close()

"""Fixtures of the server's tests."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import openai
import pytest
from support.bench import GIB, Bench, BenchMaker, Clock, Farm
from support.kinds import every_kind
from support.proxies import Weights
from support.serving import Proxies, Proxy

from zoo.environment.model import ServedModel
from zoo.serve.machine import Budget
from zoo.serve.prefetch import Warm
from zoo.serve.scheduler import Scheduler


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """A proxy over one model of every kind."""
    with every_kind(tmp_path_factory.mktemp("models")) as made:
        yield made


@pytest.fixture(scope="module")
def client(proxy: Proxy) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{proxy.url}/v1", api_key="none", max_retries=0) as made:
        yield made


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

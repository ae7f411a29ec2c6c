"""Scales reach an engine when it is loaded and when they are changed, and nothing is half done."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from support.bench import a_model

from zoo.digest import Digest
from zoo.environment.model import Adapter
from zoo.errors import EngineError
from zoo.serve.adapters import Adapters

TWO = a_model(
    "m",
    lora_config=tuple(
        Adapter(name=f"{name}.gguf", digest=Digest.of_hex("ad" * 32), scale=1.0) for name in ("one", "two")
    ),
)


class FakeEngine:
    """Notes what it is told, and answers with a status."""

    def __init__(self, socket: Path) -> None:
        self.socket, self.told, self.status = socket, list[list[float]](), 200
        app = web.Application()
        app.router.add_post("/lora-adapters", self.take)
        self.runner = web.AppRunner(app)

    async def take(self, request: web.Request) -> web.Response:
        self.told.append([each["scale"] for each in await request.json()])
        return web.Response(status=self.status, text=json.dumps({}))

    async def start(self) -> None:
        await self.runner.setup()
        await web.UnixSite(self.runner, self.socket).start()


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[FakeEngine]:
    made = FakeEngine(tmp_path / "e.sock")
    await made.start()
    yield made
    await made.runner.cleanup()


async def test_an_engine_that_begins_as_locked_is_told_nothing(engine: FakeEngine) -> None:
    await Adapters([TWO]).loaded("m", engine.socket)
    assert engine.told == []


async def test_the_engine_is_told_all_scales_and_those_not_named_stay(engine: FakeEngine) -> None:
    adapters = Adapters([TWO])
    await adapters.loaded("m", engine.socket)
    await adapters.change("m", {1: 0.5})
    assert engine.told == [[1.0, 0.5]]
    assert adapters.scales("m") == (1.0, 0.5)


async def test_a_change_before_the_engine_is_there_is_told_it_when_it_comes(engine: FakeEngine) -> None:
    adapters = Adapters([TWO])
    await adapters.change("m", {0: 0.0})
    await adapters.loaded("m", engine.socket)
    assert engine.told == [[0.0, 1.0]]


async def test_a_change_after_the_engine_has_gone_waits_for_the_next_one(
    engine: FakeEngine, tmp_path: Path
) -> None:
    adapters = Adapters([TWO])
    await adapters.loaded("m", tmp_path / "gone.sock")
    await adapters.change("m", {0: 0.0})
    await adapters.loaded("m", engine.socket)
    assert engine.told == [[0.0, 1.0]]


async def test_what_an_engine_refuses_has_not_changed(engine: FakeEngine) -> None:
    adapters = Adapters([TWO])
    await adapters.loaded("m", engine.socket)
    engine.status = 500
    with pytest.raises(EngineError, match="gave status 500"):
        await adapters.change("m", {0: 0.0})
    assert adapters.scales("m") == (1.0, 1.0)


async def test_a_new_engine_that_does_not_take_its_scales_has_not_started(
    engine: FakeEngine, tmp_path: Path
) -> None:
    adapters = Adapters([TWO])
    await adapters.change("m", {0: 0.0})
    engine.status = 500
    with pytest.raises(EngineError):
        await adapters.loaded("m", engine.socket)
    with pytest.raises(EngineError, match="is gone"):
        await adapters.loaded("m", tmp_path / "gone.sock")

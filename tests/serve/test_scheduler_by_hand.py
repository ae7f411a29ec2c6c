"""What a person asks of the scheduler: that a model be loaded, unloaded, or there from the start."""

from __future__ import annotations

import asyncio

import pytest
from support.bench import GIB, Bench, BenchMaker, a_model, settle

from zoo.errors import EngineBusy, EngineTooLarge
from zoo.serve.machine import Budget


async def unloading(b: Bench, name: str, within: float | None = None) -> asyncio.Task[bool]:
    task = asyncio.create_task(b.scheduler.unload(name, within))
    await settle()
    return task


async def test_a_model_is_unloaded_when_its_last_stream_is_over(bench: BenchMaker) -> None:
    b = bench(a_model("a"))
    stream = await b.ask("a")
    task = await unloading(b, "a")
    assert not task.done()
    assert not stream.engine[0].stopped
    await stream.finish()
    assert await task
    assert stream.engine[0].stopped
    assert b.state("a") == "unloaded"


async def test_who_asks_while_a_model_leaves_gets_it_loaded_again(bench: BenchMaker) -> None:
    b = bench(a_model("a"))
    stream = await b.ask("a")
    task = await unloading(b, "a")
    late = await b.ask("a")
    assert not late.served
    await stream.finish()
    assert await task
    assert late.served
    assert late.engine[0] is not stream.engine[0]


async def test_a_model_that_is_in_use_for_too_long_stays_and_serves_on(bench: BenchMaker) -> None:
    b = bench(a_model("a"))
    stream = await b.ask("a")
    task = await unloading(b, "a", 5)
    late = await b.ask("a")
    await b.clock.pass_time(5)
    assert await task is False
    assert late.served
    assert late.engine[0] is stream.engine[0]
    assert b.state("a") == "ready"


async def test_who_asked_for_an_unload_and_left_is_forgotten(bench: BenchMaker) -> None:
    b = bench(a_model("a"))
    await b.ask("a")
    task = await unloading(b, "a")
    task.cancel()
    await settle()
    assert (await b.ask("a")).served


async def test_unloading_what_is_loading_waits_for_those_it_is_loaded_for(bench: BenchMaker) -> None:
    b = bench(a_model("a"))
    gate = b.farm.slow("a")
    client = await b.ask("a")
    task = await unloading(b, "a")
    gate.set()
    await settle()
    assert client.served
    assert not task.done()
    await client.finish()
    assert await task


async def test_unloading_ends_with_an_engine_that_dies_or_never_loads(bench: BenchMaker) -> None:
    b = bench(a_model("a"), a_model("b"))
    await b.ask("a")
    task = await unloading(b, "a")
    b.farm.engine("a").dead.set()
    assert await task
    b.farm.failing.add("b")
    gate = b.farm.slow("b")
    await b.ask("b")
    task = await unloading(b, "b")
    gate.set()
    assert await task


async def test_a_main_model_that_died_stays_away_where_a_person_unloads_it(bench: BenchMaker) -> None:
    b = bench(a_model("a", main=True))
    await (await b.ask("a")).finish()
    b.farm.engine("a").dead.set()
    await settle()
    assert await b.scheduler.unload("a", None)
    await b.clock.pass_time(60)
    assert b.state("a") == "unloaded"


async def test_two_may_ask_for_the_same_unload_and_what_is_not_loaded_is_unloaded(bench: BenchMaker) -> None:
    b = bench(a_model("a"))
    assert await b.scheduler.unload("a", None)
    b.farm.quick = False
    await (await b.ask("a")).finish()
    tasks = [await unloading(b, "a") for _ in range(2)]
    assert not any(task.done() for task in tasks)
    b.farm.engine("a").may_stop.set()
    assert await asyncio.gather(*tasks) == [True, True]
    assert b.scheduler.seen()[0].unloads == 1


async def test_what_waits_for_room_gets_that_of_a_model_that_leaves(bench: BenchMaker) -> None:
    b = bench(*map(a_model, "abc"), budget=2 * GIB)
    streams = [await b.ask("a"), await b.ask("b")]
    task = await unloading(b, "b")
    other = await b.ask("c")
    assert (await b.ask("a")).served  # it need not go
    await streams[1].finish()
    assert await task
    assert other.served


async def test_loading_waits_until_the_model_answers_and_holds_nothing(bench: BenchMaker) -> None:
    b = bench(a_model("a"))
    gate = b.farm.slow("a")
    task = asyncio.create_task(b.scheduler.load("a"))
    await settle()
    assert not task.done()
    gate.set()
    await task
    assert (b.state("a"), b.scheduler.seen()[0].holds) == ("ready", 0)


async def test_loading_in_the_background_fails_quietly_and_at_once_where_it_never_can(
    bench: BenchMaker,
) -> None:
    b = bench(a_model("a"), a_model("large", 9 * GIB))
    b.farm.failing.add("a")
    b.scheduler.begin("a")
    await settle()
    assert "exit code 1" in (b.scheduler.seen()[0].problem or "")
    with pytest.raises(EngineTooLarge):
        b.scheduler.begin("large")
    await b.scheduler.drain(None)
    with pytest.raises(EngineBusy):
        b.scheduler.begin("a")


async def test_models_are_preloaded_as_far_as_memory_allows_and_nobody_goes_for_it(bench: BenchMaker) -> None:
    b = bench(a_model("main"), a_model("large", 2 * GIB), a_model("a"), a_model("b"), budget=2 * GIB)
    await (await b.ask("main")).finish()
    assert b.scheduler.preload(["large", "a", "b"]) == ("a",)
    await settle()
    assert [b.state(name) for name in ("main", "large", "a", "b")] == [
        "ready",
        "unloaded",
        "ready",
        "unloaded",
    ]


async def test_a_preload_leaves_alone_what_others_wait_for(bench: BenchMaker) -> None:
    b = bench(a_model("a"), a_model("large", 2 * GIB), a_model("small"), budget=2 * GIB)
    await b.ask("a")
    await b.ask("large")
    assert b.scheduler.preload(["small"]) == ()


async def test_models_on_a_gpu_share_its_memory_and_others_do_not_wait_for_it(bench: BenchMaker) -> None:
    models = [a_model(name, GIB, gpu=GIB) for name in "ab"]
    b = bench(*models, a_model("c"), budget=Budget(size=8 * GIB, gpu=GIB))
    stream = await b.ask("a")
    other = await b.ask("b")
    assert (other.served, (await b.ask("c")).served) == (False, True)
    await stream.finish()
    assert other.served

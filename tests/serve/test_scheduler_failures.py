"""What the scheduler does when an engine fails, too many wait, or all is to end."""

from __future__ import annotations

import asyncio

import pytest
from support.bench import GIB, Bench, BenchMaker, a_model, settle

from zoo.errors import EngineBusy, EngineDown, QueueFull
from zoo.serve.health import FAILURES, FIRST, GIVEN_UP, WELL
from zoo.serve.waiting import QUEUE


async def test_all_who_wait_learn_why_an_engine_did_not_start(bench: BenchMaker) -> None:
    b = bench(a_model("a"))
    b.farm.failing.add("a")
    gate = b.farm.slow("a")
    clients = [await b.ask("a") for _ in range(3)]
    gate.set()
    await settle()
    assert ["exit code 1" in str(client.error()) for client in clients] == [True] * 3
    assert b.state("a") == "unloaded"


async def test_an_engine_that_died_is_started_again_by_the_next_request(bench: BenchMaker) -> None:
    b = bench(a_model("a"))
    first = await b.ask("a")
    b.farm.engine("a").dead.set()
    await settle()
    assert b.state("a") == "unloaded"
    second = await b.ask("a")
    assert second.engine[0] is not first.engine[0]
    await first.finish()  # lets go of an engine that is gone: nothing of the new one changes
    assert b.scheduler.seen()[0].holds == 1
    assert b.scheduler.seen()[0].crashes == 1


async def test_an_engine_that_died_again_is_started_after_half_a_second(bench: BenchMaker) -> None:
    b = bench(a_model("a"))
    for _ in range(2):
        assert (await b.ask("a")).served
        b.farm.engine("a").dead.set()
        await settle()
    error = (await b.ask("a")).error()
    assert isinstance(error, EngineDown)
    assert error.retry_after == FIRST
    assert "failed 2 times in a row and is started again soon" in error.message
    assert "died: signal SIGSEGV" in error.message
    await b.clock.pass_time(FIRST)
    assert (await b.ask("a")).served


async def test_who_waits_for_an_engine_that_dies_is_told_so(bench: BenchMaker) -> None:
    b = bench(a_model("a"), a_model("b"), budget=GIB)
    await b.ask("a")
    other = await b.ask("b")
    waiter = await b.ask("a")  # waits until b has had its turn
    b.farm.engine("a").dead.set()
    await settle()
    assert "the engine of a died: signal SIGSEGV" in str(waiter.error())
    assert other.served


async def test_the_wait_before_a_new_start_doubles(bench: BenchMaker) -> None:
    b = bench(a_model("a"))
    b.farm.failing.add("a")
    waits = []
    await b.ask("a")
    for _ in range(FAILURES - 2):
        await b.ask("a")
        error = (await b.ask("a")).error()
        assert isinstance(error, EngineDown)
        waits.append(error.retry_after)
        await b.clock.pass_time(error.retry_after or 0)
    assert waits == [0.5, 1.0, 2.0]


async def test_an_engine_that_has_run_well_for_a_while_starts_afresh(bench: BenchMaker) -> None:
    b = bench(a_model("a"))
    for _ in range(FAILURES * 2):
        client = await b.ask("a")
        assert client.served
        await b.clock.pass_time(WELL)
        b.farm.engine("a").dead.set()
        await settle()
        assert b.scheduler.seen()[0].retry == 0


async def test_the_main_model_comes_back_by_itself_until_it_is_given_up(bench: BenchMaker) -> None:
    b = bench(a_model("a", main=True))
    await (await b.ask("a")).finish()
    b.farm.engine("a").dead.set()
    await settle()
    await b.clock.pass_time(0)
    assert b.state("a") == "ready"
    b.farm.failing.add("a")
    b.farm.engine("a").dead.set()
    await settle()
    await b.clock.pass_time(GIVEN_UP * 3)
    assert b.farm.starting == ["a"] * (2 + FAILURES - 2)


async def test_a_main_model_whose_room_was_taken_waits_for_its_next_request(bench: BenchMaker) -> None:
    b = bench(a_model("a", main=True), a_model("b"), budget=GIB)
    await (await b.ask("a")).finish()
    b.farm.engine("a").dead.set()
    await settle()
    await b.ask("b")
    await b.clock.pass_time(60)
    assert (b.state("a"), b.state("b")) == ("unloaded", "ready")


async def test_what_a_dead_engine_said_last_can_be_read_to_its_end(bench: BenchMaker) -> None:
    b = bench(a_model("a"))
    client = await b.ask("a")
    dead = b.farm.engine("a")
    dead.dead.set()
    await settle()
    assert not dead.stopped  # stopping closes the connections
    await client.finish()
    assert dead.stopped


async def given_up(bench: BenchMaker) -> Bench:
    """A bench whose one model has failed too often."""
    b = bench(a_model("a"))
    b.farm.failing.add("a")
    for _ in range(FAILURES):
        await b.ask("a")
        await b.clock.pass_time(10)
    return b


async def test_an_engine_that_keeps_failing_is_given_up_with_its_last_words(bench: BenchMaker) -> None:
    b = await given_up(bench)
    error = (await b.ask("a")).error()
    assert b.farm.starting == ["a"] * FAILURES
    assert isinstance(error, EngineDown)
    assert f"failed {FAILURES} times in a row and is left alone for 5 min; the last time: " in error.message
    assert "ended while loading: exit code 1" in error.message
    b.farm.failing.clear()
    await b.clock.pass_time(GIVEN_UP)
    assert (await b.ask("a")).served


async def test_a_model_that_was_given_up_is_loaded_when_a_person_asks_for_it(bench: BenchMaker) -> None:
    b = await given_up(bench)
    b.farm.failing.clear()
    await b.scheduler.load("a")
    assert b.state("a") == "ready"


async def test_a_crash_while_another_waits_for_its_memory_gives_it(bench: BenchMaker) -> None:
    b = bench(a_model("a"), a_model("b"), budget=GIB)
    await b.ask("a")
    other = await b.ask("b")
    b.farm.engine("a").dead.set()
    await settle()
    assert other.served


async def test_only_so_many_may_wait_for_one_model(bench: BenchMaker) -> None:
    b = bench(a_model("a"), a_model("b"))
    b.farm.slow("a")
    clients = [await b.ask("a") for _ in range(QUEUE + 1)]
    error = clients[-1].error()
    assert isinstance(error, QueueFull)
    assert error.retry_after == 1
    assert not clients[-2].task.done()
    assert (await b.ask("b")).served


async def test_draining_lets_streams_end_and_refuses_all_else(bench: BenchMaker) -> None:
    b = bench(a_model("a"), a_model("b"), budget=GIB)
    stream = await b.ask("a")
    waiter = await b.ask("b")
    draining = asyncio.create_task(b.scheduler.drain(60))
    await settle()
    assert isinstance(waiter.error(), EngineBusy)
    assert isinstance((await b.ask("a")).error(), EngineBusy)
    assert not draining.done()
    await stream.finish()
    await asyncio.wait_for(draining, 1)
    await b.scheduler.stop()
    assert b.farm.engine("a").stopped


async def test_draining_ends_after_its_time(bench: BenchMaker) -> None:
    b = bench(a_model("a"))
    await b.ask("a")
    draining = asyncio.create_task(b.scheduler.drain(60))
    await settle()
    await b.clock.pass_time(60)
    assert draining.done()


@pytest.mark.parametrize("seed", range(20))
async def test_whatever_happens_memory_is_kept_and_everybody_is_answered(
    bench: BenchMaker, seed: int
) -> None:
    import random  # noqa: PLC0415 - used here only

    chance = random.Random(seed)
    models = [a_model(name, chance.randint(1, 4) * GIB) for name in "abcde"]
    b = bench(*models, budget=6 * GIB, patience=None, idle=50)
    for model in models:
        b.farm.slow(model.name).set()
    waiting = []
    for _ in range(300):
        roll = chance.random()
        if roll < 0.5:
            waiting.append(await b.ask(chance.choice("abcde")))
        elif roll < 0.9 and waiting:
            client = waiting.pop(chance.randrange(len(waiting)))
            await (client.leave() if chance.random() < 0.3 or not client.served else client.finish())
        else:
            await b.clock.pass_time(chance.random() * 40)
        loaded = [seen for seen in b.scheduler.seen() if seen.state != "unloaded"]
        assert sum(seen.memory for seen in loaded) <= 6 * GIB
        assert not any(client.engine[0].stopped for client in waiting if client.served)
    while waiting:
        served = [client for client in waiting if client.served]
        assert served, "somebody waits and nobody is served"
        waiting.remove(served[0])
        await served[0].finish()

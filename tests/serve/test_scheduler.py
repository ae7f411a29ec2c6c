"""The scheduler, with engines that are none and time that stands still."""

from __future__ import annotations

import asyncio

from support.bench import GIB, BenchMaker, a_model, settle

from zoo.errors import EngineBusy, EngineTooLarge


async def test_a_model_is_loaded_when_it_is_first_asked_for(bench: BenchMaker) -> None:
    b = bench(a_model("a"), a_model("b"))
    assert b.state("a") == "unloaded"
    client = await b.ask("a")
    assert client.engine == b.farm.engines
    assert (b.state("a"), b.state("b")) == ("ready", "unloaded")


async def test_a_hundred_requests_make_one_start(bench: BenchMaker) -> None:
    b = bench(a_model("a"))
    gate = b.farm.slow("a")
    clients = [await b.ask("a") for _ in range(100)]
    gate.set()
    await settle()
    assert b.farm.starting == ["a"]
    assert all(client.served for client in clients)


async def test_models_stay_loaded_while_memory_allows(bench: BenchMaker) -> None:
    b = bench(a_model("a"), a_model("b"), budget=2 * GIB)
    for name in "abab":
        await (await b.ask(name)).finish()
    assert b.farm.starting == ["a", "b"]


async def test_the_least_recently_used_idle_model_goes(bench: BenchMaker) -> None:
    b = bench(*map(a_model, "abc"), budget=2 * GIB)
    for name in "aba":
        await (await b.ask(name)).finish()
        await b.clock.pass_time(1)
    await b.ask("c")
    assert [b.state(name) for name in "abc"] == ["ready", "unloaded", "ready"]


async def test_no_more_models_go_than_needed(bench: BenchMaker) -> None:
    b = bench(a_model("small"), a_model("large", 3 * GIB), a_model("new", 3 * GIB), budget=4 * GIB)
    await (await b.ask("small")).finish()
    await b.clock.pass_time(1)
    await (await b.ask("large")).finish()
    await b.ask("new")
    assert b.state("small") == "ready"
    assert b.state("large") == "unloaded"


async def test_an_idle_model_goes_before_a_busy_one(bench: BenchMaker) -> None:
    b = bench(*map(a_model, "abc"), budget=2 * GIB)
    stream = await b.ask("a")
    await b.clock.pass_time(1)
    await (await b.ask("b")).finish()
    assert (await b.ask("c")).served
    assert stream.engine[0].stopped is False
    assert b.state("b") == "unloaded"


async def test_a_stream_is_never_cut_by_a_switch(bench: BenchMaker) -> None:
    b = bench(a_model("a"), a_model("b"), budget=GIB)
    stream = await b.ask("a")
    other = await b.ask("b")
    assert not other.served
    assert stream.engine[0].stopped is False
    await stream.finish()
    assert stream.engine[0].stopped
    assert other.served


async def test_the_next_engine_starts_only_when_the_memory_is_free(bench: BenchMaker) -> None:
    b = bench(a_model("a"), a_model("b"), budget=GIB)
    b.farm.quick = False
    await (await b.ask("a")).finish()
    other = await b.ask("b")
    assert b.farm.starting == ["a"]
    b.farm.engine("a").may_stop.set()
    await settle()
    assert other.served


async def test_stopping_one_and_starting_another_overlap_where_memory_allows(bench: BenchMaker) -> None:
    b = bench(a_model("a", 2 * GIB), a_model("b"), a_model("c"), budget=3 * GIB)
    b.farm.quick = False
    await (await b.ask("a")).finish()
    await b.clock.pass_time(1801)
    assert b.state("a") == "stopping"
    assert (await b.ask("b")).served


async def test_a_steady_stream_of_requests_to_one_model_starves_nobody(bench: BenchMaker) -> None:
    b = bench(a_model("a"), a_model("b"), budget=GIB)
    running = await b.ask("a")
    starved = await b.ask("b")
    late = [await b.ask("a") for _ in range(20)]
    assert not any(client.served for client in late)
    await running.finish()
    assert starved.served
    assert not any(client.served for client in late)
    await starved.finish()
    assert all(client.served for client in late)
    assert b.farm.starting == ["a", "b", "a"]


async def test_requests_for_room_are_served_in_the_order_in_which_they_came(bench: BenchMaker) -> None:
    b = bench(*map(a_model, "abcd"), budget=GIB)
    clients = {name: await b.ask(name) for name in "abcd"}
    order = []
    for _ in range(4):
        (name,) = [name for name, c in clients.items() if c.served and name not in order]
        order.append(name)
        await clients[name].finish()
    assert order == list("abcd")


async def test_a_small_model_does_not_overtake_a_large_one_for_good(bench: BenchMaker) -> None:
    b = bench(a_model("a"), a_model("large", 2 * GIB), a_model("small"), budget=2 * GIB)
    running = await b.ask("a")
    large = await b.ask("large")
    small = await b.ask("small")
    assert not small.served  # the room that is left is what the large one waits for
    await running.finish()
    assert large.served
    await large.finish()
    assert small.served


async def test_what_fits_beside_one_that_waits_is_served_at_once(bench: BenchMaker) -> None:
    b = bench(a_model("a", 2 * GIB), a_model("large", 2 * GIB), a_model("small"), budget=3 * GIB)
    await b.ask("a")
    large = await b.ask("large")
    small = await b.ask("small")
    assert (large.served, small.served) == (False, True)


async def test_an_engine_is_held_before_anything_can_take_it_away(bench: BenchMaker) -> None:
    b = bench(a_model("a"), a_model("b"), budget=GIB)
    gate = b.farm.slow("a")
    first = await b.ask("a")
    second = await b.ask("b")
    gate.set()
    await settle()
    assert first.served
    assert first.engine[0].stopped is False
    assert not second.served


async def test_those_who_waited_for_a_load_are_served_by_it_even_behind_a_switch(bench: BenchMaker) -> None:
    b = bench(a_model("a"), a_model("b"), budget=GIB)
    gate = b.farm.slow("a")
    early, other, late = await b.ask("a"), await b.ask("b"), await b.ask("a")
    gate.set()
    await settle()
    assert (early.served, other.served, late.served) == (True, False, True)


async def test_waiting_for_room_is_bounded_and_the_stream_goes_on(bench: BenchMaker) -> None:
    b = bench(a_model("a"), a_model("b"), budget=GIB, patience=60)
    stream = await b.ask("a")
    waiter = await b.ask("b")
    newcomer = await b.ask("a")
    await b.clock.pass_time(59)
    assert not newcomer.served
    await b.clock.pass_time(1)
    error = waiter.error()
    assert isinstance(error, EngineBusy)
    assert "a did not leave within 60 seconds" in error.message
    assert stream.engine[0].stopped is False
    assert newcomer.served


async def test_nobody_behind_one_that_gave_up_waits_longer(bench: BenchMaker) -> None:
    b = bench(a_model("a"), a_model("b"), budget=GIB, patience=60)
    await b.ask("a")
    await b.ask("b")
    await b.clock.pass_time(30)
    newcomer = await b.ask("a")
    await b.clock.pass_time(30)
    assert newcomer.served


async def test_waiting_for_a_load_is_not_bounded(bench: BenchMaker) -> None:
    b = bench(a_model("a"), patience=60)
    gate = b.farm.slow("a")
    waiter = await b.ask("a")
    await b.clock.pass_time(3600)
    gate.set()
    await settle()
    assert waiter.served


async def test_a_client_that_leaves_the_queue_holds_nobody_up(bench: BenchMaker) -> None:
    b = bench(a_model("a"), a_model("b"), budget=GIB)
    await b.ask("a")
    impatient = await b.ask("b")
    newcomer = await b.ask("a")
    assert not newcomer.served
    await impatient.leave()
    assert newcomer.served


async def test_a_client_that_leaves_at_the_moment_it_is_served_lets_go(bench: BenchMaker) -> None:
    b = bench(a_model("a"), a_model("b"), budget=GIB)
    gate = b.farm.slow("a")
    client = await b.ask("a")
    gate.set()
    while b.scheduler.seen()[0].holds == 0:  # noqa: ASYNC110 - it is the one moment before anybody knows
        await asyncio.sleep(0)
    client.task.cancel()
    await settle()
    assert b.scheduler.seen()[0].holds == 0
    assert (await b.ask("b")).served


async def test_an_on_demand_model_is_unloaded_when_it_is_idle(bench: BenchMaker) -> None:
    b = bench(a_model("a", main=True), a_model("b"), idle=100)
    await (await b.ask("a")).finish()
    client = await b.ask("b")
    await b.clock.pass_time(500)
    assert b.state("b") == "ready"  # a stream under way is no idleness, however long
    await client.finish()
    await b.clock.pass_time(99)
    await (await b.ask("b")).finish()
    await b.clock.pass_time(99)
    assert b.state("b") == "ready"
    await b.clock.pass_time(1)
    assert (b.state("a"), b.state("b")) == ("ready", "unloaded")


async def test_no_idle_model_is_unloaded_where_the_time_is_never(bench: BenchMaker) -> None:
    b = bench(a_model("a"), idle=None)
    await (await b.ask("a")).finish()
    await b.clock.pass_time(10**9)
    assert b.state("a") == "ready"


async def test_a_model_that_is_too_large_is_refused_with_both_numbers(bench: BenchMaker) -> None:
    b = bench(a_model("a", 3 * GIB), budget=2 * GIB)
    error = (await b.ask("a")).error()
    assert isinstance(error, EngineTooLarge)
    assert "3.0 GiB" in error.message
    assert "2.0 GiB" in error.message
    assert b.farm.starting == []

"""Who goes and who starts, for every state that a few models can be in."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from support.bench import a_model

from zoo.serve.memory import Memory, total
from zoo.serve.room import Plan, plan, room
from zoo.serve.slot import Loaded, Slot

BUDGET = Memory(8, 4)
AnySlot = Slot[Any]


def a_slot(name: str, host: int, gpu: int = 0, *, state: str = "unloaded", holds: int = 0) -> AnySlot:
    slot: AnySlot = Slot(a_model(name), Memory(host, gpu), state=state)  # type: ignore[arg-type] - one of the states
    if state in {"ready", "stopping"}:
        slot.loaded = Loaded(object(), 0.0, holds if state == "ready" else 0)
    return slot


def names(slots: list[AnySlot]) -> list[str]:
    return [slot.model.name for slot in slots]


def made(slots: list[AnySlot], wanted: str) -> Plan[Any]:
    return plan(slots, [slot for name in wanted for slot in slots if slot.model.name == name], BUDGET)


def test_each_kind_of_memory_is_a_pool_of_its_own() -> None:
    slots = [a_slot("a", 1, 3, state="ready"), a_slot("b", 5, 0, state="ready"), a_slot("c", 2, 2)]
    plan_ = made(slots, "c")
    assert (names(plan_.stop), names(plan_.start)) == (["a"], [])  # b has none of what is short
    assert plan_.next is slots[2]


def test_what_needs_no_gpu_starts_however_full_it_is() -> None:
    slots = [a_slot("a", 1, 4, state="ready", holds=1), a_slot("b", 5, 0)]
    assert names(made(slots, "b").start) == ["b"]


def test_a_model_starts_while_others_stop_as_soon_as_what_is_free_holds_it() -> None:
    slots = [a_slot("a", 4, state="stopping"), a_slot("b", 4), a_slot("c", 4)]
    plan_ = made(slots, "bc")
    assert names(plan_.start) == ["b"]
    assert plan_.next is slots[2]
    assert plan_.stop == plan_.drain == []


def test_one_that_was_asked_to_leave_is_no_victim_but_its_memory_is_to_come() -> None:
    slots = [a_slot("a", 8, state="ready", holds=1), a_slot("b", 8)]
    with asyncio.Runner() as runner:
        slots[0].leaving.append(runner.get_loop().create_future())
    plan_ = made(slots, "b")
    assert plan_.drain == plan_.stop == []
    assert plan_.next is slots[1]


def test_idle_models_go_where_those_loaded_take_more_than_planned() -> None:
    slots = [a_slot(name, 2, state="ready") for name in "abc"]
    for number, slot in enumerate(slots):
        slot.used = float(number)
    slots[2].memory = Memory(6)
    assert names(made(slots, "").stop) == ["a"]
    slots[0].loaded.holds = 1  # type: ignore[union-attr] - it is loaded
    assert names(made(slots, "").stop) == ["b"]
    slots[2].memory = Memory(4)
    assert names(made(slots, "").stop) == []


def test_the_model_used_last_stays_even_where_it_takes_all() -> None:
    slots = [a_slot("a", 2, state="ready"), a_slot("b", 8, state="ready")]
    slots[1].used = 1.0
    assert names(made(slots, "").stop) == ["a"]


states = st.sampled_from(["unloaded", "loading", "ready", "stopping"])


@st.composite
def situations(draw: st.DrawFn) -> tuple[list[AnySlot], list[AnySlot]]:
    """Models of which those loaded fit, and those that are wanted in some order."""
    slots: list[AnySlot] = []
    for name in "abcdef"[: draw(st.integers(1, 6))]:
        slot = a_slot(name, draw(st.integers(0, 8)), draw(st.integers(0, 4)))
        slot.used = float(draw(st.integers(0, 9)))
        wish = draw(states)
        if wish != "unloaded" and slot.memory.fits(room(slots, BUDGET)):
            loaded = a_slot(
                name, slot.memory.host, slot.memory.gpu, state=wish, holds=draw(st.integers(0, 1))
            )
            loaded.used, slot = slot.used, loaded
        slots.append(slot)
    wanted = draw(st.permutations([slot for slot in slots if slot.state in {"unloaded", "stopping"}]))
    return slots, wanted


@given(situations())
def test_what_is_loaded_and_started_never_exceeds_either_pool(
    situation: tuple[list[AnySlot], list[AnySlot]],
) -> None:
    slots, wanted = situation
    plan_ = plan(slots, wanted, BUDGET)
    after = total(slot.memory for slot in slots if slot.state != "unloaded" or slot in plan_.start)
    assert after.fits(BUDGET)
    assert not set(plan_.stop) & set(plan_.drain)
    assert all(not slot.in_use and slot.state == "ready" for slot in plan_.stop)
    assert all(slot.state == "unloaded" for slot in plan_.start)


@given(situations())
def test_the_first_who_waits_starts_now_or_as_soon_as_others_have_left(
    situation: tuple[list[AnySlot], list[AnySlot]],
) -> None:
    slots, wanted = situation
    if not wanted:
        return
    plan_, first = plan(slots, wanted, BUDGET), wanted[0]
    free = room(slots, BUDGET)
    if first.state == "unloaded" and first.memory.fits(free):
        assert first in plan_.start  # overlapping with whatever else stops
        return
    leaving = [slot for slot in slots if plan_.leaving(slot)]
    assert first.memory.fits(free + total(slot.memory for slot in leaving))
    assert plan_.next is first


@given(situations())
def test_nobody_goes_who_need_not(situation: tuple[list[AnySlot], list[AnySlot]]) -> None:
    slots, wanted = situation
    plan_ = plan(slots, wanted[:1], BUDGET)
    going = [*plan_.stop, *plan_.drain]
    promised = room(slots, BUDGET) + total(slot.memory for slot in slots if slot.state == "stopping")
    for slot in going:
        without = total(each.memory for each in going if each is not slot)
        assert not wanted[0].memory.fits(promised + without)

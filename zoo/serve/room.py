"""Who must go so that a model has room: pure, from what is loaded and who waits in which order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Generic

from zoo.serve.memory import Memory, total
from zoo.serve.slot import E, Slot


@dataclass(slots=True)
class Plan(Generic[E]):
    """What to do now.

    Attributes:
        start: Models to load: there is room.
        stop: Idle models to unload.
        drain: Models that go as soon as nobody uses them; until then they take no new requests.
        next: The first model that waits for room which others leave; None where nothing does.
    """

    start: list[Slot[E]] = field(default_factory=list)
    stop: list[Slot[E]] = field(default_factory=list)
    drain: list[Slot[E]] = field(default_factory=list)
    next: Slot[E] | None = None

    def leaving(self, slot: Slot[E]) -> bool:
        """Whether this model's memory is already promised to another."""
        return bool(slot.leaving) or slot.state == "stopping" or slot in self.stop or slot in self.drain


def plan(slots: Sequence[Slot[E]], wanted: Iterable[Slot[E]], budget: Memory) -> Plan[E]:
    """Decide for the models that requests wait for, in the order in which the requests came.

    A model that has no room yet reserves what it needs before the next is looked at, so a later one
    gets only what no earlier one will need: nobody is overtaken for good, and nothing that fits waits.
    A model starts as soon as what is free holds it, whether or not others are still stopping; what is
    loaded, loading, stopping or started is never planned to be more than the budget.

    Args:
        slots: Every model.
        wanted: Those that are not loaded and that somebody waits for, the first to come first.
        budget: What the loaded models may take together.
    """
    made: Plan[E] = Plan()
    free = room(slots, budget)
    promised = free + total(slot.memory for slot in slots if made.leaving(slot))
    promised = _shed(slots, promised, made)
    for slot in wanted:
        if not slot.memory.fits(promised):
            for victim in _victims(slots, slot.memory, promised, made):
                (made.drain if victim.in_use else made.stop).append(victim)
                promised += victim.memory
        if not slot.memory.fits(promised):
            # Earlier ones have reserved too much; once the first of them is served, this one is nearer.
            continue
        promised -= slot.memory
        if slot.state == "unloaded" and slot.memory.fits(free):
            made.start.append(slot)
            free -= slot.memory
        elif made.next is None:
            made.next = slot
    return made


def room(slots: Iterable[Slot[E]], budget: Memory) -> Memory:
    """What is free now."""
    return budget - total(slot.memory for slot in slots if slot.state != "unloaded")


def _shed(slots: Sequence[Slot[E]], promised: Memory, made: Plan[E]) -> Memory:
    """Stop idle models where those loaded take more than was planned; what is promised afterwards.

    The one used last stays: alone it fits, since nothing is counted with more than the whole budget.
    """
    candidates = sorted(_loaded(slots, made), key=lambda slot: slot.used)
    for slot in candidates[:-1]:
        if not slot.in_use and slot.memory.relieves(Memory(1, 1), promised + Memory(1, 1)):
            made.stop.append(slot)
            promised += slot.memory
    return promised


def _victims(slots: Sequence[Slot[E]], need: Memory, promised: Memory, made: Plan[E]) -> list[Slot[E]]:
    """The idle ones least recently used, then those in use; no more than needed; none if not enough."""
    candidates = sorted(_loaded(slots, made), key=lambda slot: (slot.in_use, slot.used))
    chosen: list[Slot[E]] = []
    for slot in candidates:
        if slot.memory.relieves(need, promised):
            chosen.append(slot)
            promised += slot.memory
    if not need.fits(promised):
        return []
    for slot in list(chosen):
        if need.fits(promised - slot.memory):
            chosen.remove(slot)
            promised -= slot.memory
    return chosen


def _loaded(slots: Iterable[Slot[E]], made: Plan[E]) -> list[Slot[E]]:
    return [slot for slot in slots if slot.state in {"loading", "ready"} and not made.leaving(slot)]

"""Who must go so that a model has room: pure, from what is loaded and who waits in which order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Generic

from zoo.serve.slot import E, Slot


@dataclass(slots=True)
class Plan(Generic[E]):
    """What to do now.

    Attributes:
        start: Models to load: there is room.
        stop: Idle models to unload.
        drain: Models that go as soon as nobody uses them; until then they take no new requests.
    """

    start: list[Slot[E]] = field(default_factory=list)
    stop: list[Slot[E]] = field(default_factory=list)
    drain: list[Slot[E]] = field(default_factory=list)

    def leaving(self, slot: Slot[E]) -> bool:
        """Whether this model's memory is already promised to another."""
        return slot.state == "stopping" or slot in self.stop or slot in self.drain


def plan(slots: Sequence[Slot[E]], wanted: Iterable[Slot[E]], budget: int) -> Plan[E]:
    """Decide for the models that requests wait for, in the order in which the requests came.

    A model that has no room yet reserves what it needs before the next is looked at, so a later one
    gets only what no earlier one will need: nobody is overtaken for good, and nothing that fits waits.

    Args:
        slots: Every model.
        wanted: Those that are not loaded and that somebody waits for, the first to come first.
        budget: Bytes that the loaded models may take together.
    """
    made: Plan[E] = Plan()
    taken = sum(slot.memory for slot in slots if slot.state != "unloaded")
    free = budget - taken
    promised = free + sum(slot.memory for slot in slots if slot.state == "stopping")
    for slot in wanted:
        if slot.memory > promised:
            for victim in _victims(slots, slot.memory - promised, made):
                (made.drain if _in_use(victim) else made.stop).append(victim)
                promised += victim.memory
        if slot.memory > promised:
            # Earlier ones have reserved too much; once the first of them is served, this one is nearer.
            continue
        promised -= slot.memory
        if slot.state == "unloaded" and slot.memory <= free:
            made.start.append(slot)
            free -= slot.memory
    return made


def _in_use(slot: Slot[E]) -> bool:
    return slot.holds > 0 or slot.state == "loading"


def _victims(slots: Sequence[Slot[E]], shortage: int, made: Plan[E]) -> list[Slot[E]]:
    """The idle ones least recently used, then those in use; no more than needed; none if not enough."""
    candidates = [slot for slot in slots if slot.state in {"loading", "ready"} and not made.leaving(slot)]
    candidates.sort(key=lambda slot: (_in_use(slot), slot.used))
    chosen: list[Slot[E]] = []
    for slot in candidates:
        if shortage <= 0:
            break
        chosen.append(slot)
        shortage -= slot.memory
    if shortage > 0:
        return []
    for slot in list(chosen):
        if slot.memory <= -shortage:
            chosen.remove(slot)
            shortage += slot.memory
    return chosen

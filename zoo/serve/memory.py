"""An amount of memory: so many bytes of the host's, and so many of its graphics processors'."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from zoo.serve.units import spell


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes of both kinds; an amount of room may be negative, where more is taken than there should be."""

    host: int = 0
    gpu: int = 0

    def __add__(self, other: Memory) -> Memory:
        return Memory(self.host + other.host, self.gpu + other.gpu)

    def __sub__(self, other: Memory) -> Memory:
        return Memory(self.host - other.host, self.gpu - other.gpu)

    def fits(self, room: Memory) -> bool:
        """Whether there is room for this; what needs nothing of a kind fits however little there is."""
        return _fits(self.host, room.host) and _fits(self.gpu, room.gpu)

    def relieves(self, need: Memory, room: Memory) -> bool:
        """Whether giving this back helps where a need is larger than the room for it."""
        host = self.host > 0 and not _fits(need.host, room.host)
        return host or (self.gpu > 0 and not _fits(need.gpu, room.gpu))

    def most(self, other: Memory) -> Memory:
        """The larger of each kind."""
        return Memory(max(self.host, other.host), max(self.gpu, other.gpu))

    def least(self, other: Memory) -> Memory:
        """The smaller of each kind."""
        return Memory(min(self.host, other.host), min(self.gpu, other.gpu))

    def __str__(self) -> str:
        kinds = ((self.host, "memory"), (self.gpu, "GPU memory"))
        return " and ".join(f"{spell(size)} of {kind}" for size, kind in kinds if size) or "no memory"


def total(amounts: Iterable[Memory]) -> Memory:
    """All of these together."""
    host = gpu = 0
    for each in amounts:
        host, gpu = host + each.host, gpu + each.gpu
    return Memory(host, gpu)


def _fits(need: int, room: int) -> bool:
    return need <= room or need <= 0

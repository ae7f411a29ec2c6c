"""A file in memory of which ranges can be read, and which counts what is."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Memory:
    """A range reader over bytes; the size may be unknown, as it is at some sources."""

    data: bytes
    size: int | None = None
    reads: list[tuple[int, int]] = field(default_factory=list)

    def read(self, offset: int, length: int) -> bytes:
        """Return a range, and remember which."""
        self.reads.append((offset, length))
        return self.data[offset : offset + length]


def whole(data: bytes) -> Memory:
    """Make one that says its size."""
    return Memory(data, len(data))

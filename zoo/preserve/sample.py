"""Which blocks of a file are read back: all that say what the file is made of, and some of its leaves.

A sample tells whether a target gives the right bytes at all. That it has every block is another
question, which it can be asked where it has an answer to it.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from zoo.ipfs.cid import RAW, Cid
from zoo.preserve.content import Content

LEAVES = 32
"""How many leaves a sample has."""


@dataclass(frozen=True, slots=True)
class Sample:
    """How many leaves of a file are read back; None: all of them."""

    leaves: int | None = LEAVES

    def of(self, content: Content) -> dict[Cid, int]:
        """Choose blocks: the CID of each and its size in bytes."""
        sizes = content.sizes()
        leaves = [cid for cid in sizes if cid.codec == RAW]
        if self.leaves is None or len(leaves) <= self.leaves:
            return sizes
        # Nobody can know beforehand which ones are asked for: that is all that chance is for.
        chosen = set(random.SystemRandom().sample(leaves, self.leaves))
        return {cid: size for cid, size in sizes.items() if cid.codec != RAW or cid in chosen}

    def told(self, content: Content) -> str:
        """Say for people how much of a file is read back."""
        total = len(content.sizes())
        if self.leaves is None or len(content.dag.leaves) <= self.leaves:
            return f"all of its {total} blocks read back" if total > 1 else "its only block read back"
        return f"{len(self.of(content))} of its {total} blocks read back"

"""Which pins are to be looked up again although what was asked for did not change."""

from __future__ import annotations

from msgspec import Struct


class Upgrade(Struct, frozen=True, kw_only=True):
    """What `--upgrade` and its like name.

    Attributes:
        everything: All models and all toolchains.
        models: These models.
        toolchains: These toolchains.
    """

    everything: bool = False
    models: frozenset[str] = frozenset()
    toolchains: frozenset[str] = frozenset()

    def model(self, name: str) -> bool:
        """Whether a model is to be looked up again."""
        return self.everything or name in self.models

    def toolchain(self, name: str) -> bool:
        """Whether a toolchain is to be looked up again."""
        return self.everything or name in self.toolchains

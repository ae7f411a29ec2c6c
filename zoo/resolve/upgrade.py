"""What is to be looked up again although nothing that is asked for has changed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Upgrade:
    """Which pins are not kept.

    Attributes:
        everything: All models and all toolchains are looked up again.
        models: These models are.
        toolchains: These toolchains are.
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

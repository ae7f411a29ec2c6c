"""What is to be looked up again although nothing that is asked for has changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from zoo.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Upgrade:
    """Which pins are not kept.

    Attributes:
        all: None are.
        models: Those of these models are not.
        toolchains: Those of these toolchains are not.
    """

    all: bool = False
    models: frozenset[str] = frozenset()
    toolchains: frozenset[str] = frozenset()

    def model(self, name: str) -> bool:
        """Whether a model is to be looked up again."""
        return self.all or name in self.models

    def toolchain(self, name: str) -> bool:
        """Whether a toolchain is to be looked up again."""
        return self.all or name in self.toolchains

    def check(self, models: Iterable[str], toolchains: Iterable[str]) -> None:
        """Check that what is to be looked up again is there.

        Raises:
            UsageError: The zoofile has no such model or toolchain.
        """
        for kind, named, there in (
            ("model", self.models, sorted(models)),
            ("toolchain", self.toolchains, sorted(toolchains)),
        ):
            for name in sorted(named - set(there)):
                raise UsageError(
                    f"zoofile.toml has no {kind} {name!r} to upgrade",
                    hint=f"it has {', '.join(there) or 'none'}",
                )

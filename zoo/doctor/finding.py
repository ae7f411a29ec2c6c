"""A finding: something that a person should know, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, Self

from zoo.errors import EaiError

Level = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found.

    Attributes:
        level: `error` where it stops `eai up`, `warning` where something will go worse than it could,
            `note` where it is only good to know.
        what: What it is.
        remedy: What a person can do about it; None where there is nothing to do.
    """

    level: Level
    what: str
    remedy: str | None = None

    @classmethod
    def of(cls, error: EaiError, level: Level = "error") -> Self:
        """Make a finding of a failure that a command would end with."""
        return cls(level, error.message, error.hint)


def stops(findings: Iterable[Finding]) -> bool:
    """Whether any of them stops `eai up`."""
    return any(finding.level == "error" for finding in findings)

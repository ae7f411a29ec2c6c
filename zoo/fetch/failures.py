"""The one error at the end, which lists every attempt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from zoo.errors import (
    EaiError,
    IntegrityError,
    Interrupted,
    NoSpace,
    SizeMismatch,
    SourceChanged,
    SourcesExhausted,
)
from zoo.lock.model import Artifact
from zoo.lock.uri import SOURCE_ARCHIVE

_REPLACED = "nothing was stored; if it was replaced on purpose, review it and run `eai lock --upgrade`"


@dataclass(frozen=True, slots=True)
class Attempt:
    """A source that was asked, and what came of it."""

    source: str
    error: EaiError


def failure(artifact: Artifact, name: str, attempts: Sequence[Attempt]) -> EaiError:
    """Make the error for an artifact that no source could give.

    Wrong bytes weigh more than none: they say that a source, or the lock, should be looked at.
    """
    errors = [attempt.error for attempt in attempts]
    wrong = [error for error in errors if isinstance(error, IntegrityError)]
    lines = [
        f"{name}: {_summary(errors)}",
        f"  expected  {artifact.digest} ({artifact.size:,} bytes)",
        *(f"  tried     {attempt.source}: {_shortened(attempt)}" for attempt in attempts),
    ]
    message = "\n".join(lines)
    if not wrong:
        hints = dict.fromkeys(error.hint for error in errors if error.hint)
        again = any(isinstance(error, Interrupted | SourceChanged) for error in errors)
        last = "what has come is kept; run the command again to go on" if again else None
        hint = "; ".join(hints) or last
        return SourcesExhausted(message, hint=hint)
    kind = SizeMismatch if all(isinstance(error, SizeMismatch) for error in wrong) else IntegrityError
    return kind(message, hint=_repacked(artifact) or _REPLACED)


def _repacked(artifact: Artifact) -> str | None:
    """What to do where GitHub makes the archive each time: it promises the same files, not the same bytes."""
    if not any(uri.endswith(f"/{SOURCE_ARCHIVE}") for uri in artifact.github):
        return None
    return (
        "nothing was stored; GitHub may have packed the same source code anew: `eai lock --upgrade-toolchain"
        " NAME` locks it as it is now, with the same `tree` if it is the same; `eai preserve --toolchains`,"
        " done while the bytes are still here, keeps them"
    )


def combined(errors: Sequence[EaiError]) -> EaiError:
    """Make one error of those of several artifacts; the gravest decides the exit code."""
    if len(errors) == 1:
        return errors[0]
    gravest = min(errors, key=_gravity)
    return type(gravest)("\n".join(dict.fromkeys(error.message for error in errors)), hint=gravest.hint)


def _gravity(error: EaiError) -> int:
    order = (NoSpace, IntegrityError, SourcesExhausted)
    return next((rank for rank, kind in enumerate(order) if kind in type(error).mro()), len(order))


def _summary(errors: Sequence[EaiError]) -> str:
    if any(isinstance(error, IntegrityError) and not isinstance(error, SizeMismatch) for error in errors):
        return "content differs from zoo.lock"
    if any(isinstance(error, SizeMismatch) for error in errors):
        return "size differs from zoo.lock"
    return "no source could give it"


def _shortened(attempt: Attempt) -> str:
    """Leave out the source's name where its own message begins with it."""
    return attempt.error.message.removeprefix(f"{attempt.source}: ")

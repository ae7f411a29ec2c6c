"""Gathers the artifacts of a lock: one a digest, with every source that is known to have it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from zoo.digest import Digest
from zoo.errors import SourceError
from zoo.lock.model import SOURCE_KINDS, Artifact, Model, Toolchain

_COMMIT = re.compile(r"@[0-9a-f]{40}/")


def gather(
    models: Iterable[Model],
    toolchains: Iterable[Toolchain],
    known: Mapping[Digest, Artifact],
    resolved: Iterable[Artifact],
) -> tuple[Artifact, ...]:
    """Give the artifact of every digest that is used; those that nothing uses are left out.

    Args:
        models: All of the new lock.
        toolchains: All of the new lock.
        known: The artifacts of the old lock: their sources are kept.
        resolved: What was resolved now.

    Raises:
        SourceError: Two sources say different sizes of one digest.
    """
    united = dict(known)
    for artifact in resolved:
        before = united.get(artifact.digest)
        united[artifact.digest] = artifact if before is None else _united(before, artifact)
    used = {file.digest for model in models for file in model.files()}
    used |= {digest for tool in toolchains for build in tool.builds for digest in build.digests()}
    return tuple(united[digest] for digest in sorted(used))


def _united(before: Artifact, now: Artifact) -> Artifact:
    if before.size != now.size:
        raise SourceError(
            f"{next(now.sources())[1]} says that {now.digest} has {now.size:,} bytes, others {before.size:,}",
            hint="one of the two sources is wrong: name the file by another",
        )
    return _with(before, {kind: _added(getattr(before, kind), getattr(now, kind)) for kind in SOURCE_KINDS})


def _added(before: tuple[str, ...], now: tuple[str, ...]) -> tuple[str, ...]:
    """Add sources, but none that is a known one at another commit: the bytes there are the same."""
    places = {_COMMIT.sub("@/", uri) for uri in before}
    return before + tuple(uri for uri in now if _COMMIT.sub("@/", uri) not in places)


def _with(artifact: Artifact, sources: Mapping[str, tuple[str, ...]]) -> Artifact:
    return Artifact(digest=artifact.digest, size=artifact.size, **sources)

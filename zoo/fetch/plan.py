"""What must come: which artifacts a lock needs here, which the store has, and how many bytes are missing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from zoo.lock.model import Artifact, Build, Lock
from zoo.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What there is, what there isn't.

    Attributes:
        present: Artifacts that the store has.
        missing: Those that it has not, the largest first.
        bytes: How many are to come: those missing, less what partial downloads hold.
    """

    present: tuple[Artifact, ...]
    missing: tuple[Artifact, ...]
    bytes: int

    @property
    def size(self) -> int:
        """How many bytes the missing artifacts have, partial downloads or not."""
        return sum(artifact.size for artifact in self.missing)


def plan(artifacts: Iterable[Artifact], store: Store) -> Plan:
    """Compare artifacts with the store; one that is there but can't be trusted is hashed."""
    present: list[Artifact] = []
    missing: list[Artifact] = []
    for artifact in artifacts:
        (present if store.has(artifact.digest) else missing).append(artifact)
    missing.sort(key=lambda artifact: (-artifact.size, artifact.digest))
    held = sum(store.held(artifact.digest, artifact.size) for artifact in missing)
    return Plan(
        present=tuple(present),
        missing=tuple(missing),
        bytes=sum(artifact.size for artifact in missing) - held,
    )


def needed(lock: Lock, builds: Iterable[Build]) -> tuple[Artifact, ...]:
    """Give every artifact that a lock needs with these of its builds: theirs, and all files of its models."""
    artifacts = lock.artifacts()
    digests = [file.digest for model in lock.model for file in model.files()]
    for build in builds:
        digests.extend(build.digests())
    return tuple(artifacts[digest] for digest in dict.fromkeys(digests))


def label(artifact: Artifact) -> str:
    """Name an artifact as people know it: by its file name where a source has one."""
    for _, uri in artifact.sources():
        name = uri.rpartition("/")[2].partition("?")[0].rpartition(":")[2]
        if "." in name and name.isprintable():
            return name
    return artifact.digest.short

"""Files of one archive, got in one pass: it is read from its beginning, so each alone would take one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace

from zoo.errors import EaiError
from zoo.fetch.artifact import Getter, Surroundings
from zoo.fetch.peers import Peers
from zoo.fetch.unknown import told_aside
from zoo.fetch.unpack import One
from zoo.lock.model import Artifact, SourceKind
from zoo.sources.base import Unpacks
from zoo.store.durable import disk_errors

Group = tuple[Artifact, ...]
_CID = 3
"""Parts of `ipfs://CID/place` that name the archive."""


def grouped(artifacts: Iterable[Artifact], around: Surroundings) -> list[Group]:
    """Put artifacts that are to come from one archive into one group; each other one is its own."""
    groups: dict[str, list[Artifact]] = defaultdict(list)
    for artifact in artifacts:
        order = Getter(artifact, around).order()
        groups[_archive(*order[0]) or artifact.digest if order else artifact.digest].append(artifact)
    return [tuple(group) for group in groups.values()]


def left(group: Group, around: Surroundings) -> Group:
    """Get what one pass over the archive of a group gives; what must be asked for by itself is left.

    Raises:
        Stopped: The whole fetch has ended.
    """
    if len(group) == 1:
        return group
    kind, uri = Getter(group[0], around).order()[0]
    archive, source = _archive(kind, uri), around.sources[kind]
    if archive is None or not isinstance(source, Unpacks):
        return group
    # Whatever goes wrong is said where each of them is asked for by itself.
    with suppress(EaiError), disk_errors(around.store.root):
        _pass(group, kind, archive, source, around)
    return tuple(artifact for artifact in group if not around.store.has(artifact.digest))


def _pass(group: Group, kind: SourceKind, archive: str, source: Unpacks, around: Surroundings) -> None:
    wanted = {uri: artifact for artifact in group for at, uri in artifact.sources() if at == kind}
    missing = {artifact.digest for artifact in group}
    once = replace(around.manners, tries=1)
    with source.unpack(archive, told_aside(around.progress, archive, archive)) as members:
        for member in members:
            artifact = wanted.get(member.uri)
            if artifact is None:
                continue
            only = replace(around, sources={kind: One(member)}, peers=Peers(()), manners=once)
            Getter(artifact, only).get()
            missing.discard(artifact.digest)
            if not missing:
                return


def _archive(kind: SourceKind, uri: str) -> str | None:
    """Name the archive that a source means a place in."""
    parts = uri.split("/")
    return "/".join(parts[:_CID]) if kind == "ipfs" and len(parts) > _CID else None

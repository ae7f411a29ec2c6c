"""What stays pinned of a model whose entry changed: the parts that are asked for as they were."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field

from zoo.digest import Digest
from zoo.lock.model import Artifact, File, Model, PartRole, SourceKind
from zoo.resolve.origins import plain
from zoo.resolve.sighted import Role, Sighted
from zoo.sources.base import Found
from zoo.zoofile.model import Origin, Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """The parts of a model that need not be looked up; empty where they must be."""

    weights: tuple[Sighted, ...] = ()
    mmproj: tuple[Sighted, ...] = ()
    lora: Mapping[Origin, Sighted] = field(default_factory=dict)
    parts: Mapping[tuple[PartRole, Origin], Sighted] = field(default_factory=dict)


def held(
    model: Model | None, request: Request, known: Mapping[Digest, Artifact], kinds: Container[SourceKind]
) -> Held:
    """Say what stays of a model that was locked.

    Args:
        model: As it was locked; None if it was not, or is to be looked up again.
        request: What is asked for now.
        known: The artifacts of that lock.
        kinds: The kinds of source that can be opened.
    """
    if model is None:
        return Held()
    same = plain(model.request) == plain(request) and model.request.catalog == request.catalog
    projector = same and model.request.mmproj == request.mmproj
    if request.ipfs is not None:
        # A directory or a preserved model may have its own projector: both are looked up, or neither.
        same = projector
    named = dict(model.request.parts.given())
    adapters = zip(model.request.lora, model.lora, strict=False)
    return Held(
        weights=_sighted("weights", model.weights if same else (), known, kinds),
        mmproj=_sighted("mmproj", model.mmproj if projector else (), known, kinds),
        lora={origin: seen for origin, file in adapters for seen in _sighted("lora", [file], known, kinds)},
        parts={
            (part.role, named[part.role]): seen
            for part in model.parts
            if part.role in named
            for seen in _sighted(part.role, [part], known, kinds)
        },
    )


def _sighted(
    role: Role, files: Iterable[File], known: Mapping[Digest, Artifact], kinds: Container[SourceKind]
) -> tuple[Sighted, ...]:
    """The files as if they had just been found; none at all where one of them has no source to open."""
    every = []
    for file in files:
        artifact = known.get(file.digest)
        sources = [] if artifact is None else [source for source in artifact.sources() if source[0] in kinds]
        if artifact is None or not sources:
            return ()
        [(kind, uri), *_] = sources
        found = Found(path=file.path, uri=uri, size=artifact.size, digest=file.digest)
        every.append(Sighted(role, kind, found))
    return tuple(every)

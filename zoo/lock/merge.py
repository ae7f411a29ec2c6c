"""Merging: a lock with conflict markers, or one that a clean merge has broken, becomes one lock again.

Artifacts and their sources are united, since sources hang on digests. A model or toolchain on which
the sides agree is kept; one on which they do not is left out, to be resolved again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from zoo.digest import Digest
from zoo.lock.check import model_faults, toolchain_faults
from zoo.lock.conflict import is_conflicted, sides
from zoo.lock.model import SOURCE_KINDS, VERSION, Artifact, Lock, Model, Toolchain
from zoo.lock.render import canonical
from zoo.lock.toml import loads
from zoo.lock.uri import fault

__all__ = ["Merged", "is_conflicted", "merge", "unite"]

_Entry = TypeVar("_Entry", Model, Toolchain)


class Merged(Struct, frozen=True, kw_only=True):
    """What became of a conflicted lock.

    Attributes:
        lock: What the sides agree on. Artifacts that nothing in it uses are still there: resolving
            again may come to them, and then has their sources.
        kept: Names of the models and toolchains that are in it.
        unresolved: Names of those that are not, because the sides differ or what they name is gone.
    """

    lock: Lock
    kept: tuple[str, ...]
    unresolved: tuple[str, ...]


def merge(text: str, *, name: str = "zoo.lock") -> Merged:
    """Merge the sides of a conflicted lock; of a lock without conflicts, keep what is right.

    Raises:
        LockError: The markers do not match, or a side is no lock.
    """
    return unite([loads(side, name=name) for side in sides(text)])


def unite(locks: Iterable[Lock]) -> Merged:
    """Merge locks; their order makes no difference."""
    every = [canonical(lock) for lock in locks]
    artifacts = _artifacts(artifact for lock in every for artifact in lock.artifact)
    models, lost_models = _agreed((model for lock in every for model in lock.model), _pin, _model_works)
    tools, lost_tools = _agreed((tool for lock in every for tool in lock.toolchain), _same, _toolchain_works)
    models, gone_models = _present(models, artifacts)
    tools, gone_tools = _present(tools, artifacts)
    lock = Lock(
        version=VERSION,
        server=min((lock.server for lock in every), key=repr),
        model=models,
        toolchain=tools,
        artifact=tuple(artifacts.values()),
    )
    return Merged(
        lock=canonical(lock),
        kept=tuple(sorted([*(model.name for model in models), *(tool.name for tool in tools)])),
        unresolved=tuple(sorted({*lost_models, *lost_tools, *gone_models, *gone_tools})),
    )


def _artifacts(every: Iterable[Artifact]) -> dict[Digest, Artifact]:
    """Unite the sources of each digest; one whose size is in doubt is left out."""
    united: dict[Digest, Artifact] = {}
    doubtful = set()
    for artifact in every:
        known = united.setdefault(artifact.digest, artifact)
        if known.size != artifact.size or artifact.size < 1:
            doubtful.add(artifact.digest)
        united[artifact.digest] = _united(known, artifact)
    sound = (artifact for artifact in united.values() if any(artifact.sources()))
    return {artifact.digest: artifact for artifact in sound if artifact.digest not in doubtful}


def _united(one: Artifact, other: Artifact) -> Artifact:
    sources = {}
    for kind in SOURCE_KINDS:
        listed = {*getattr(one, kind), *getattr(other, kind)}
        sources[kind] = tuple(sorted(uri for uri in listed if fault(kind, uri) is None))
    return replace(one, **sources)


def _agreed(
    entries: Iterable[_Entry], what: Callable[[_Entry], object], works: Callable[[_Entry], bool]
) -> tuple[tuple[_Entry, ...], set[str]]:
    """The entries that are alike, in what matters, wherever their name is; and the names of the others."""
    named: dict[str, list[_Entry]] = {}
    for entry in entries:
        named.setdefault(entry.name, []).append(entry)
    agreed = {
        name: min(alike, key=repr)
        for name, alike in named.items()
        if all(what(one) == what(alike[0]) and works(one) for one in alike)
    }
    return tuple(agreed.values()), named.keys() - agreed.keys()


def _pin(model: Model) -> object:
    """What a model is, without what is decided again from the zoofile whenever it is locked."""
    files = (model.weights, model.mmproj, model.lora, model.chat_template, model.parts)
    return (model.request, model.facts, files)


def _same(toolchain: Toolchain) -> object:
    return toolchain


def _model_works(model: Model) -> bool:
    return not any(model_faults(model))


def _toolchain_works(toolchain: Toolchain) -> bool:
    return not any(toolchain_faults(toolchain))


def _present(
    entries: tuple[_Entry, ...], artifacts: dict[Digest, Artifact]
) -> tuple[tuple[_Entry, ...], set[str]]:
    """The entries whose artifacts are all there, and the names of the others."""
    present = tuple(entry for entry in entries if artifacts.keys() >= set(_digests(entry)))
    return present, {entry.name for entry in entries} - {entry.name for entry in present}


def _digests(entry: Model | Toolchain) -> Iterable[Digest]:
    if isinstance(entry, Model):
        return (file.digest for file in entry.files())
    return (digest for build in entry.builds for digest in build.digests())

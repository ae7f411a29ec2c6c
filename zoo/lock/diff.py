"""What changed between two locks: which model or toolchain, from what, to what, and how many bytes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

from zoo.digest import Digest
from zoo.lock.freshness import differences
from zoo.lock.model import Artifact, Lock, Model, Toolchain

_COMMIT = 7
_BYTES = ("weights", "mmproj", "lora", "chat-template", "parts", "builds")  # told as one change, of the pin


class Change(Struct, frozen=True, kw_only=True):
    """One change.

    Attributes:
        subject: What kind of thing changed.
        name: Which one; a file of a model stands behind its name.
        action: Whether it is new, gone, or another than before.
        what: What of it changed: `pin` (its bytes), `source`, or a key such as `settings.batch`.
        before: What it was; None for what is new.
        after: What it is; None for what is gone.
        files: How many artifacts were not locked under that name before; of what is gone, its own.
        size: Bytes of these.
    """

    subject: Literal["server", "model", "toolchain", "artifact"]
    name: str
    action: Literal["added", "removed", "changed"]
    what: str = "pin"
    before: str | None = None
    after: str | None = None
    files: int = 0
    size: int = 0


class _Pinned(Struct, frozen=True):
    """A model or toolchain with the bytes that it stands for, each digest with its size."""

    entry: Model | Toolchain
    text: str
    sizes: dict[Digest, int]


def diff(old: Lock | None, new: Lock) -> tuple[Change, ...]:
    """List what changed from one lock to another; from none, everything is new."""
    was = old or Lock(version=new.version, server=new.server)
    return (
        *_keys("server", "server", differences(was.server, new.server)),
        *_table("model", _models(was), _models(new)),
        *_table("toolchain", _toolchains(was), _toolchains(new)),
        *_sources(was, new),
    )


def _models(lock: Lock) -> dict[str, _Pinned]:
    artifacts = lock.artifacts()
    pinned = {}
    for model in lock.model:
        digests = {file.digest for file in model.files()}
        text = _commit(artifacts[model.weights[0].digest])
        pinned[model.name] = _Pinned(model, text, {digest: artifacts[digest].size for digest in digests})
    return pinned


def _toolchains(lock: Lock) -> dict[str, _Pinned]:
    artifacts = lock.artifacts()
    pinned = {}
    for toolchain in lock.toolchain:
        digests = {digest for build in toolchain.builds for digest in build.digests()}
        sizes = {digest: artifacts[digest].size for digest in digests}
        pinned[toolchain.name] = _Pinned(toolchain, toolchain.version, sizes)
    return pinned


def _commit(artifact: Artifact) -> str:
    """What a person knows the bytes by: the commit they come from, else the digest."""
    if not artifact.hf:
        return artifact.digest.short
    return artifact.hf[0].partition("@")[2][:_COMMIT]


def _table(
    subject: Literal["model", "toolchain"], was: dict[str, _Pinned], now: dict[str, _Pinned]
) -> Iterator[Change]:
    for name in sorted(was.keys() | now.keys()):
        old, new = was.get(name), now.get(name)
        if new is None and old is not None:
            files, size = len(old.sizes), sum(old.sizes.values())
            yield Change(
                subject=subject, name=name, action="removed", before=old.text, files=files, size=size
            )
        elif old is None and new is not None:
            files, size = len(new.sizes), sum(new.sizes.values())
            yield Change(subject=subject, name=name, action="added", after=new.text, files=files, size=size)
        elif old is not None and new is not None:
            yield from _entry(subject, name, old, new)


def _entry(subject: Literal["model", "toolchain"], name: str, old: _Pinned, new: _Pinned) -> Iterator[Change]:
    if old.sizes != new.sizes:
        fresh = new.sizes.keys() - old.sizes.keys()
        yield Change(
            subject=subject,
            name=name,
            action="changed",
            before=old.text,
            after=new.text,
            files=len(fresh),
            size=sum(new.sizes[digest] for digest in fresh),
        )
    changed = differences(old.entry, new.entry)
    yield from _keys(subject, name, (change for change in changed if change[0] not in _BYTES))


def _keys(
    subject: Literal["server", "model", "toolchain"], name: str, changed: Iterator[tuple[str, str, str]]
) -> Iterator[Change]:
    for key, before, after in changed:
        yield Change(subject=subject, name=name, action="changed", what=key, before=before, after=after)


def _sources(was: Lock, now: Lock) -> Iterator[Change]:
    """Sources gained and lost by bytes that both locks have."""
    names = {file.digest: f"{model.name}: {file.path}" for model in now.model for file in model.files()}
    before = was.artifacts()
    for artifact in now.artifact:
        if artifact.digest not in before:
            continue
        name = names.get(artifact.digest, artifact.digest)
        old = {uri for _, uri in before[artifact.digest].sources()}
        new = {uri for _, uri in artifact.sources()}
        for uri in sorted(old - new):
            yield Change(subject="artifact", name=name, action="removed", what="source", before=uri)
        for uri in sorted(new - old):
            yield Change(subject="artifact", name=name, action="added", what="source", after=uri)

"""Locks the models: keeps those that are asked for as they were, and resolves the others."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager

from msgspec.structs import replace

from zoo.digest import Digest
from zoo.fetch.events import Progress
from zoo.lock.model import PART_ROLES, Artifact, Facts, File, Lock, Model, Part, Settings, SourceKind
from zoo.lock.settings import memory, settle
from zoo.resolve.copies import Copies
from zoo.resolve.cursor import RangeReader
from zoo.resolve.fetcher import Fetcher
from zoo.resolve.held import held
from zoo.resolve.look import look
from zoo.resolve.origins import Wanted, wanted
from zoo.resolve.parallel import Judge, for_each, in_turn
from zoo.resolve.pins import Pinned, opened, pin
from zoo.resolve.sighted import Role, Sighted, sight
from zoo.resolve.unpacked import unpacked
from zoo.resolve.upgrade import Upgrade
from zoo.sources.base import Found, Source
from zoo.store import Store
from zoo.zoofile.model import Model as Declared
from zoo.zoofile.model import Request, Zoofile
from zoo.zoofile.request import main_model, request_of

_UNSETTLED = Settings(
    task="chat", main=False, context_length=1, parallel=1, batch=1, gpu_layers="all", cache_ram=0
)


class Models:
    """The models of one project while they are locked.

    Args:
        zoofile: What is asked for.
        old: What was locked.
        upgrade: What is looked up again although it is pinned.
        sources: By kind.
        store: Looked into for files that are there already.
        fetcher: Gets the files whose digest nobody states.
        progress: Is told which models come from their preserved copies.
    """

    def __init__(
        self,
        zoofile: Zoofile,
        old: Lock | None,
        upgrade: Upgrade,
        *,
        sources: Mapping[SourceKind, Source],
        store: Store,
        fetcher: Fetcher,
        progress: Progress,
    ) -> None:
        self._declared = zoofile.models
        self._main = main_model(zoofile)
        self._sources, self._store, self._fetcher, self._progress = sources, store, fetcher, progress
        self._known = old.artifacts() if old else {}
        self._locked = {model.name: model for model in old.model} if old else {}
        self._before = {name: model for name, model in self._locked.items() if not upgrade.model(name)}
        self._requests = {name: request_of(name, model) for name, model in zoofile.models.items()}

    def lock(self) -> tuple[tuple[Model, ...], tuple[Artifact, ...]]:
        """Lock every model; also the artifacts of those that were resolved.

        What cannot be had from its origin, and is not locked from there, is taken from its preserved copy.

        Raises:
            EaiError: A model cannot be locked; the message names each that cannot, and why.
        """
        new = [name for name in self._requests if not self._is_kept(name)]
        wants = in_turn(new, self._wanted)
        copies = Copies({name: wants[name] for name in new if self._may_be_copy(name)}, self._progress)
        looked = self._looked(wants, copies.spare)
        copied = self._looked(copies.wanted(), copies.both)
        in_turn(copied, lambda name: copies.require_whole(name, copied[name][1]), copies.both)
        looked |= copied
        artifacts = tuple(each.artifact() for files, _ in looked.values() for each in files)
        sizes = {each.digest: each.size for each in (*self._known.values(), *artifacts)}
        bare = {name: _model(name, self._requests[name], *looked[name]) for name in new}
        models = (bare[name] if name in bare else self._before[name] for name in self._requests)
        return tuple(self._settled(model, sizes) for model in models), artifacts

    def _looked(
        self, wants: Mapping[str, Wanted], judge: Judge
    ) -> dict[str, tuple[tuple[Pinned, ...], Facts]]:
        """The files of models, and what is known of them; without those that are judged to be left out."""
        found = for_each(wants, lambda name: self._sighted(name, wants[name]), judge)
        pinned = in_turn(found, lambda name: self._pinned(name, found[name]), judge)
        facts = for_each(pinned, lambda name: look(pinned[name], wants[name], self._opened), judge)
        return {name: (pinned[name], facts[name]) for name in facts}

    def _is_kept(self, name: str) -> bool:
        before = self._before.get(name)
        if before is None or before.request != self._requests[name]:
            return False
        return {file.digest for file in before.files()} <= self._known.keys()

    def _may_be_copy(self, name: str) -> bool:
        """Whether nothing is locked that other bytes would replace; a copy may be upgraded to itself."""
        locked = self._locked.get(name)
        if locked is None or locked.request.catalog is None:
            return True
        artifacts = (self._known.get(file.digest) for file in locked.weights)
        return name not in self._before and not any(each is None or each.hf for each in artifacts)

    def _wanted(self, name: str) -> Wanted:
        return wanted(name, self._requests[name])

    def _sighted(self, name: str, want: Wanted) -> tuple[Sighted, ...]:
        before, request = self._before.get(name), self._requests[name]
        return sight(want, self._sources, held(before, request, self._known, self._sources.keys()))

    def _pinned(self, name: str, sighted: tuple[Sighted, ...]) -> tuple[Pinned, ...]:
        def fetch(kind: SourceKind, found: Found) -> tuple[Digest, int]:
            return self._fetcher.get(kind, found, again=name not in self._before)

        return pin(unpacked(sighted, self._fetcher.unpack), fetch)

    def _opened(self, pinned: Pinned) -> AbstractContextManager[RangeReader]:
        return opened(pinned, self._sources, self._store)

    def _settled(self, model: Model, sizes: Mapping[Digest, int]) -> Model:
        declared: Declared = self._declared[model.name]
        settings = settle(declared, model.facts, main=model.name == self._main, name=model.name)
        files = {file.digest for file in model.files()}
        need = memory(model.facts, settings, sum(sizes[digest] for digest in files))
        return replace(model, settings=settings, memory=need)


def _model(name: str, request: Request, pinned: tuple[Pinned, ...], facts: Facts) -> Model:
    """Put a model together; how it is served is decided after."""

    def files(role: Role) -> tuple[File, ...]:
        return tuple(each.file for each in pinned if each.role == role)

    return Model(
        name=name,
        request=request,
        facts=facts,
        settings=_UNSETTLED,
        memory=0,
        weights=files("weights"),
        mmproj=files("mmproj"),
        lora=files("lora"),
        chat_template=files("chat_template"),
        parts=tuple(
            Part(path=each.file.path, digest=each.file.digest, role=role)
            for role in PART_ROLES
            for each in pinned
            if each.role == role
        ),
    )

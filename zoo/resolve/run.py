"""Makes a lock from a zoofile and the lock that was there: keeps what is pinned, resolves the rest."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from msgspec.structs import replace

from zoo.digest import Digest
from zoo.lock.freshness import toolchain_requests
from zoo.lock.model import VERSION, Facts, File, Lock, Model, Settings, SourceKind
from zoo.lock.render import canonical
from zoo.lock.settings import memory, settle
from zoo.resolve.artifacts import gather
from zoo.resolve.look import look
from zoo.resolve.origins import Wanted, wanted
from zoo.resolve.parallel import for_each, in_turn
from zoo.resolve.pins import Fetch, Objects, Pinned, Role, opened, pin, sight
from zoo.resolve.toolchains import ProviderKind, toolchains
from zoo.resolve.upgrade import Upgrade
from zoo.sources.base import Source
from zoo.toolchains.base import Provider
from zoo.zoofile.model import Model as Declared
from zoo.zoofile.model import Request, Zoofile
from zoo.zoofile.request import main_model, request_of

_UNSETTLED = Settings(
    task="chat", main=False, context_length=1, parallel=1, batch=1, gpu_layers="all", cache_ram=0
)


def resolve(
    zoofile: Zoofile,
    old: Lock | None,
    *,
    sources: Mapping[SourceKind, Source],
    providers: Mapping[ProviderKind, Provider],
    store: Objects,
    fetch: Fetch,
    upgrade: Upgrade,
) -> Lock:
    """Lock a project.

    A model or toolchain whose request is what it was is kept, with all its sources, and only its
    settings are decided again, which needs no network. What is resolved does not depend on the order
    in which sources answer.

    Args:
        zoofile: What is asked for.
        old: The lock that was there; a merged one may lack models.
        sources: By kind.
        providers: Of toolchains, by kind.
        store: Looked into for files that are there already.
        fetch: Gets a file whose digest nobody states into the store.
        upgrade: What is looked up again although it is pinned.

    Raises:
        EaiError: A model or toolchain cannot be locked; the message names each that cannot.
    """
    requests = {name: request_of(name, model) for name, model in zoofile.models.items()}
    upgrade.check(requests, toolchain_requests(zoofile))
    kept = _kept(requests, old, upgrade)
    wants = in_turn(
        [name for name in requests if name not in kept],
        lambda name: wanted(name, zoofile.models[name], requests[name]),
    )
    pinned = _pinned(wants, sources, fetch)
    known = old.artifacts() if old else {}
    fresh = {each.file.digest: each.artifact() for parts in pinned.values() for each in parts}
    sizes = {digest: artifact.size for digest, artifact in (known | fresh).items()}
    seen = partial(opened, sources=sources, store=store)
    facts = for_each(wants, lambda name: look(pinned[name], wants[name], seen))
    models = tuple(
        _settled(
            kept[name] if name in kept else _model(name, requests[name], pinned[name], facts[name]),
            declared,
            sizes,
            main=name == main_model(zoofile),
        )
        for name, declared in zoofile.models.items()
    )
    tools, made = toolchains(zoofile, old, providers, upgrade)
    resolved = [*(each.artifact() for parts in pinned.values() for each in parts), *made]
    return canonical(
        Lock(
            version=VERSION,
            server=zoofile.server,
            model=models,
            toolchain=tools,
            artifact=gather(models, tools, known, resolved),
        )
    )


def _kept(requests: Mapping[str, Request], old: Lock | None, upgrade: Upgrade) -> dict[str, Model]:
    """The models whose pins stay: asked for as before, and all there."""
    if old is None:
        return {}
    there = old.artifacts().keys()
    return {
        model.name: model
        for model in old.model
        if requests.get(model.name) == model.request
        and not upgrade.model(model.name)
        and {file.digest for file in model.files()} <= there
    }


def _pinned(
    wants: Mapping[str, Wanted], sources: Mapping[SourceKind, Source], fetch: Fetch
) -> dict[str, tuple[Pinned, ...]]:
    """Find the files of the models side by side; fetch, one after the other, what must be fetched."""
    sighted = for_each(wants, lambda name: sight(wants[name], sources))
    return in_turn(wants, lambda name: pin(sighted[name], fetch))


def _model(name: str, request: Request, pinned: tuple[Pinned, ...], facts: Facts) -> Model:
    """Put a model together; how it is served is decided by `_settled`."""
    files: dict[Role, tuple[File, ...]] = {}
    for each in pinned:
        files[each.role] = (*files.get(each.role, ()), each.file)
    return Model(name=name, request=request, facts=facts, settings=_UNSETTLED, memory=0, **files)


def _settled(model: Model, declared: Declared, sizes: Mapping[Digest, int], *, main: bool) -> Model:
    settings = settle(declared, model.facts, main=main, name=model.name)
    files = {file.digest for file in model.files()}
    need = memory(model.facts, settings, sum(sizes[digest] for digest in files))
    return replace(model, settings=settings, memory=need)

"""Makes a lock from a zoofile and the lock that was there: keeps what is pinned, resolves the rest."""

from __future__ import annotations

from collections.abc import Mapping

from zoo.fetch.events import Progress
from zoo.lock.model import VERSION, Lock, SourceKind
from zoo.lock.render import canonical
from zoo.resolve.artifacts import gather
from zoo.resolve.fetcher import Fetcher
from zoo.resolve.models import Models
from zoo.resolve.toolchains import toolchains
from zoo.resolve.upgrade import Upgrade
from zoo.sources.base import Source
from zoo.store import Store
from zoo.toolchains.base import Provider, ProviderKind
from zoo.zoofile.model import Zoofile


def resolve(
    zoofile: Zoofile,
    old: Lock | None,
    *,
    sources: Mapping[SourceKind, Source],
    providers: Mapping[ProviderKind, Provider],
    store: Store,
    upgrade: Upgrade,
    progress: Progress,
) -> Lock:
    """Lock a project.

    A model or toolchain whose request is what it was is kept, with all its sources, and only its
    settings are decided again, which needs no network; so are the parts that did not change of a model
    whose entry did. The result does not depend on the order in which sources answer.

    Args:
        zoofile: What is asked for.
        old: The lock that was there; a merged one may lack models, and have artifacts that nothing uses.
        sources: By kind.
        providers: Of toolchains, by kind.
        store: Gets the files whose digest nobody states; looked into for those that are there already.
        upgrade: What is looked up again although it is pinned.
        progress: Is told what is downloaded.

    Raises:
        EaiError: A model or toolchain cannot be locked; the message names each that cannot, and why.
    """
    known = old.artifacts() if old else {}
    fetcher = Fetcher(sources, store, progress, known.values())
    models, found = Models(
        zoofile, old, upgrade, sources=sources, store=store, fetcher=fetcher, progress=progress
    ).lock()
    tools, made = toolchains(zoofile, old, providers, upgrade)
    lock = Lock(
        version=VERSION,
        server=zoofile.server,
        model=models,
        toolchain=tools,
        artifact=gather(models, tools, known, (*found, *made)),
    )
    return canonical(lock)

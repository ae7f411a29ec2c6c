"""Resolving for `eai lock`: what it needs of this machine and this project, put together."""

from __future__ import annotations

import argparse
import os

from zoo.cli.lock_write import Resolver
from zoo.cli.output import Output
from zoo.cli.progress import shown
from zoo.cli.project import Project, configuration, open_store
from zoo.lock.model import Lock
from zoo.resolve.fetcher import Fetcher
from zoo.resolve.run import resolve
from zoo.resolve.shelf import Shelf
from zoo.resolve.upgrade import Upgrade
from zoo.sources.registry import sources
from zoo.toolchains.registry import providers
from zoo.zoofile.model import Zoofile


def resolver(project: Project, zoofile: Zoofile, args: argparse.Namespace, out: Output) -> Resolver:
    """Make what resolves a project's zoofile, with the sources and the store that this machine has."""
    upgrade = Upgrade(
        everything=args.upgrade,
        models=frozenset(args.upgrade_model),
        toolchains=frozenset(args.upgrade_toolchain),
    )

    def resolved(old: Lock | None) -> Lock:
        found = sources(base=project.folder, env=os.environ, offline=False, config=configuration())
        store = open_store()
        with shown(out, total=None) as progress:
            fetcher = Fetcher(found, store, progress, old.artifact if old else ())
            shelf = Shelf(fetcher, found["github"], store)
            return resolve(
                zoofile,
                old,
                sources=found,
                providers=providers(base=project.folder, env=os.environ, offline=False, shelf=lambda: shelf),
                store=store,
                upgrade=upgrade,
                progress=progress,
            )

    return resolved

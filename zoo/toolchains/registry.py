"""Which providers there are, made for one project."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from zoo.errors import Offline
from zoo.sources.index import PackageIndex, configured
from zoo.toolchains.base import Provider, ProviderKind
from zoo.toolchains.path import PathProvider
from zoo.toolchains.pypi import PypiProvider
from zoo.toolchains.source import SourceProvider


def providers(*, base: Path, env: Mapping[str, str], offline: bool) -> Mapping[ProviderKind, Provider]:
    """Make the providers of a project; none of them does anything yet.

    Args:
        base: The folder of its zoofile.toml, which `path` starts from.
        env: The environment, which says which package index is meant.
        offline: Whether connections are forbidden; then those that ask an index raise `Offline`.
    """

    def index() -> PackageIndex:
        if offline:
            raise Offline(
                "the package index would have to be asked for a build, and no connection is allowed",
                hint="leave out --offline",
            )
        return PackageIndex(configured(env))

    return {
        "pypi": PypiProvider(index),
        "source": SourceProvider(index, base),
        "path": PathProvider(base),
    }

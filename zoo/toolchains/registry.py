"""Which providers there are, made for one project."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from zoo.errors import Offline
from zoo.sources.index import PackageIndex, configured
from zoo.sources.releases import Releases
from zoo.sources.releases import configured as hub
from zoo.toolchains.base import Provider, ProviderKind
from zoo.toolchains.github import GithubProvider, Shelf
from zoo.toolchains.path import PathProvider
from zoo.toolchains.pypi import PypiProvider
from zoo.toolchains.source import SourceProvider


def providers(
    *, base: Path, env: Mapping[str, str], offline: bool, shelf: Callable[[], Shelf]
) -> Mapping[ProviderKind, Provider]:
    """Make the providers of a project; none of them does anything yet.

    Args:
        base: The folder of its zoofile.toml, which `path` starts from.
        env: The environment, which says which package index is meant.
        offline: Whether connections are forbidden; then those that ask anybody raise `Offline`.
        shelf: Gives what fetches files whose digest nobody states.
    """

    def may_ask(whom: str) -> None:
        if offline:
            raise Offline(
                f"{whom} would have to be asked for a build, and no connection is allowed",
                hint="leave out --offline",
            )

    def index() -> PackageIndex:
        may_ask("the package index")
        return PackageIndex(configured(env))

    def releases() -> Releases:
        may_ask("GitHub")
        return Releases(hub(env))

    return {
        "pypi": PypiProvider(index),
        "source": SourceProvider(index, base),
        "path": PathProvider(base),
        "github": GithubProvider(releases, shelf),
    }

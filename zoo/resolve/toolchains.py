"""Locks the engines: keeps what is pinned, and asks the providers for the rest."""

from __future__ import annotations

from collections.abc import Mapping

from zoo.errors import ZoofileError
from zoo.lock.freshness import toolchain_requests
from zoo.lock.model import Artifact, Lock, Toolchain, ToolchainRequest
from zoo.resolve.upgrade import Upgrade
from zoo.toolchains.base import Provider, ProviderKind
from zoo.zoofile.model import Own, Zoofile


def toolchains(
    zoofile: Zoofile, old: Lock | None, providers: Mapping[ProviderKind, Provider], upgrade: Upgrade
) -> tuple[tuple[Toolchain, ...], tuple[Artifact, ...]]:
    """Lock every toolchain that the zoofile asks for; also the artifacts of those newly resolved.

    Raises:
        EaiError: A provider has no such build.
    """
    locked = {toolchain.name: toolchain for toolchain in old.toolchain} if old else {}
    there = old.artifacts() if old else {}
    every: list[Toolchain] = []
    artifacts: list[Artifact] = []
    for name, request in toolchain_requests(zoofile).items():
        before = locked.get(name)
        kept = before is not None and before.request == request and not upgrade.toolchain(name)
        if before is not None and kept and _whole(before, request) and _digests(before) <= there.keys():
            every.append(before)
            continue
        toolchain, made = _provider(name, request, providers).lock(name, request, request.platforms)
        every.append(toolchain)
        artifacts += made
    return tuple(every), tuple(artifacts)


def _provider(name: str, request: ToolchainRequest, providers: Mapping[ProviderKind, Provider]) -> Provider:
    kind = _kind(request)
    if kind not in providers:
        raise ZoofileError(
            f"{name}: this eai has no provider {kind}", hint=f"set `from` to {', '.join(providers)}"
        )
    return providers[kind]


def _kind(request: ToolchainRequest) -> ProviderKind:
    if isinstance(request.source, Own):
        return "path" if request.source.path is not None else "source"
    return request.source


def _whole(toolchain: Toolchain, request: ToolchainRequest) -> bool:
    return {build.platform for build in toolchain.builds} >= set(request.platforms or ())


def _digests(toolchain: Toolchain) -> set[str]:
    return {digest for build in toolchain.builds for digest in build.digests()}

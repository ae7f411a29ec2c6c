"""The name of an environment: one hash over all in a lock that decides how it behaves on a platform."""

from __future__ import annotations

import json

from zoo.environment import command
from zoo.errors import EaiError
from zoo.lock.model import Build, Lock
from zoo.platform import Platform

_FORMAT = "eai environment 1"


def environment_id(lock: Lock, platform: Platform) -> str:
    """Hash what decides behaviour: files by digest, their roles and flags, builds, and routing.

    Where bytes come from, what was asked for, where the proxy listens and how much memory things take
    are no part of it: preserving a model changes the lock and never the environment.

    Returns:
        64 hex digits of BLAKE3.

    Raises:
        EaiError: The lock has no build for the platform, or no engine of this eai can do a task.
    """
    from blake3 import blake3  # noqa: PLC0415 - a compiled library, for this alone

    decides = [_FORMAT, platform, _builds(lock, platform), _models(lock), lock.server.unknown_model]
    canonical = json.dumps(decides, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return blake3(canonical.encode()).hexdigest()


def builds(lock: Lock, platform: Platform) -> dict[str, Build]:
    """The build of each locked toolchain for a platform, by the toolchain's name.

    Raises:
        EaiError: A toolchain has none.
    """
    found: dict[str, Build] = {}
    for toolchain in lock.toolchain:
        for build in toolchain.builds:
            if build.platform == platform:
                found[toolchain.name] = build
        if toolchain.name not in found:
            has = ", ".join(sorted(build.platform for build in toolchain.builds))
            raise EaiError(
                f"the lock has no build of {toolchain.name} for {platform}, only for {has}",
                hint=f'add "{platform}" to `platforms` in [zoo], and run `eai lock`',
            )
    return found


def _builds(lock: Lock, platform: Platform) -> list[object]:
    return [
        [
            *(name, build.variant, build.program, build.digest),
            [[file.path, file.digest] for file in build.files],
            *_recipe(build),
        ]
        for name, build in sorted(builds(lock, platform).items())
    ]


def _recipe(build: Build) -> list[object]:
    """What is made of source code; nothing where nothing is, so that older environments keep their names."""
    if build.recipe is None:
        return []
    return [[build.recipe.folder, build.recipe.flags, build.recipe.targets]]


def _models(lock: Lock) -> list[object]:
    """Each model in its order, which routing follows."""
    return [
        [model.name, model.settings.task, model.settings.main, command.flags(model), command.view(model)]
        + ([model.settings.aliases] if model.settings.aliases else [])
        for model in lock.model
    ]

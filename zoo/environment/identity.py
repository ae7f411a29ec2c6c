"""The name of an environment: one hash over all in a lock that decides how it behaves on a platform."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from zoo.environment import command
from zoo.lock.model import Build, Lock
from zoo.platform import Platform

_FORMAT = "eai environment 1"


def environment_id(lock: Lock, platform: Platform, builds: Mapping[str, Build]) -> str:
    """Hash what decides behaviour: files by digest, their roles and flags, builds, and routing.

    Where bytes come from, what was asked for, where the proxy listens and how much memory things take
    are no part of it: preserving a model changes the lock and never the environment.

    Args:
        lock: A checked lock.
        platform: The one this is.
        builds: Those that were chosen of the locked ones, by the toolchain's name.

    Returns:
        64 hex digits of BLAKE3.

    Raises:
        EaiError: No engine of this eai can do a task.
    """
    from blake3 import blake3  # noqa: PLC0415 - a compiled library, for this alone

    decides = [_FORMAT, platform, _builds(builds), _models(lock), lock.server.unknown_model]
    canonical = json.dumps(decides, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return blake3(canonical.encode()).hexdigest()


def _builds(builds: Mapping[str, Build]) -> list[object]:
    return [[name, *_decisive(build)] for name, build in sorted(builds.items())]


def _decisive(build: Build) -> Iterator[object]:
    # Source code whose tree is locked is what it is, however it was packed.
    content = build.digest if build.recipe is None else build.tree or build.digest
    yield from (build.variant, build.program, content)
    yield [[file.path, file.digest] for file in build.files]
    # Nothing where there is nothing, so that older environments keep their names.
    if build.beside:
        yield sorted(build.beside)
    if build.recipe is not None:
        yield [build.recipe.folder, build.recipe.flags, build.recipe.targets]


def _models(lock: Lock) -> list[object]:
    """Each model in its order, which routing follows."""
    return [
        [model.name, model.settings.task, model.settings.main, command.flags(model), command.view(model)]
        + ([model.settings.aliases] if model.settings.aliases else [])
        for model in lock.model
    ]

"""Which of the locked builds a machine runs: the first, in the order that was asked for, that it can run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from zoo.errors import EaiError, EngineError, UsageError
from zoo.lock.model import Build, Lock, Toolchain
from zoo.platform import Platform
from zoo.toolchains import known, needs, variants
from zoo.toolchains.machine import Machine
from zoo.toolchains.needs import Obstacle

_MOST_ALTERNATIVES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A build, and why a machine cannot run it, if it cannot."""

    build: Build
    obstacles: tuple[Obstacle, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The build of a toolchain that is taken.

    Attributes:
        toolchain: Its name.
        version: Its version.
        taken: The build; it has obstacles only where somebody insisted on it.
        passed: Those that would have been better, had the machine been able to run them.
        several: Whether there was anything to choose from.
    """

    toolchain: str
    version: str
    taken: Judged
    passed: tuple[Judged, ...]
    several: bool


def choose(
    lock: Lock, platform: Platform, machine: Machine, *, insist: str | None = None
) -> Mapping[str, Build]:
    """Give the build of each toolchain that a machine runs; see `choices`."""
    return {
        name: choice.taken.build for name, choice in choices(lock, platform, machine, insist=insist).items()
    }


def choices(
    lock: Lock, platform: Platform, machine: Machine, *, insist: str | None = None
) -> Mapping[str, Choice]:
    """Choose a build of each toolchain, by the toolchain's name.

    Args:
        lock: A checked lock.
        platform: The one that the machine is.
        machine: The machine.
        insist: A variant that is taken where it is locked, whatever speaks against it.

    Raises:
        EaiError: A toolchain has no build for the platform.
        EngineError: The machine can run none of a toolchain's builds.
        UsageError: No toolchain has the variant that was insisted on.
    """
    _require(lock, platform, insist)
    return {toolchain.name: _choice(toolchain, platform, machine, insist) for toolchain in lock.toolchain}


def every(lock: Lock, platform: Platform, *, insist: str | None = None) -> tuple[Build, ...]:
    """Give all builds for a platform; of a toolchain that has the variant that is insisted on, only those.

    Raises:
        EaiError: A toolchain has no build for the platform.
        UsageError: No toolchain has the variant that was insisted on.
    """
    _require(lock, platform, insist)
    found: list[Build] = []
    for toolchain in lock.toolchain:
        builds = candidates(toolchain, platform)
        wanted = () if insist is None else _wanted(builds, insist)
        found += wanted or builds
    return tuple(found)


def candidates(toolchain: Toolchain, platform: Platform) -> tuple[Build, ...]:
    """Give the builds of a toolchain for a platform, the best first.

    They are in the order in which the zoofile names them, of one family the newest first, and at the end
    those that it does not name, such as `metal` where it says `cpu`.

    Raises:
        EaiError: There is none.
    """
    builds = {build.variant: build for build in toolchain.builds if build.platform == platform}
    if not builds:
        has = ", ".join(sorted({build.platform for build in toolchain.builds}))
        raise EaiError(
            f"the lock has no build of {toolchain.name} for {platform}, only for {has}",
            hint=f'add "{platform}" to `platforms` in [zoo], and run `eai lock`',
        )
    order: list[str] = []
    for asked in toolchain.request.variants(platform):
        order += _members(asked, builds)
    return tuple(builds[variant] for variant in dict.fromkeys((*order, *sorted(builds))))


def judge(toolchain: Toolchain, platform: Platform, machine: Machine) -> tuple[Judged, ...]:
    """Judge every build of a toolchain for a platform, the best first; the first without obstacles is taken.

    Raises:
        EaiError: There is none.
    """
    return tuple(_judged(toolchain, build, machine) for build in candidates(toolchain, platform))


def _judged(toolchain: Toolchain, build: Build, machine: Machine) -> Judged:
    return Judged(build=build, obstacles=needs.obstacles(needs.of(toolchain, build), machine))


def _members(family: str, builds: Mapping[str, Build]) -> list[str]:
    numbers = {variant: variants.number(family, variant) for variant in builds}
    found = {variant: number for variant, number in numbers.items() if number is not None}
    # What is named exactly comes before its family; of what has no version, the first that is locked.
    return sorted(
        found, key=lambda variant: (found[variant] == "", variants.newness(found[variant])[:2]), reverse=True
    )


def _require(lock: Lock, platform: Platform, insist: str | None) -> None:
    if insist is None:
        return
    has = {build.variant for toolchain in lock.toolchain for build in candidates(toolchain, platform)}
    if not any(variants.number(insist, variant) is not None for variant in has):
        raise UsageError(
            f"no build of variant {insist} is locked for {platform}",
            hint=f"locked are {', '.join(sorted(has))}; `variant` in zoofile.toml says which are",
        )


def _choice(toolchain: Toolchain, platform: Platform, machine: Machine, insist: str | None) -> Choice:
    builds = candidates(toolchain, platform)
    passed: list[Judged] = []
    for build in _first(builds, insist):
        judged = _judged(toolchain, build, machine)
        if insist is not None and variants.number(insist, build.variant) is not None:
            return _taken(toolchain, judged, (), builds)
        if not judged.obstacles:
            return _taken(toolchain, judged, tuple(passed), builds)
        passed.append(judged)
    lines = (f"\n  {each.build.variant}  {obstacle}" for each in passed for obstacle in each.obstacles)
    raise EngineError(
        f"this machine cannot run any locked build of {toolchain.name} {toolchain.version}:{''.join(lines)}",
        hint=_hint(toolchain, platform, machine, passed),
    )


def _first(builds: tuple[Build, ...], insist: str | None) -> tuple[Build, ...]:
    """Put what is insisted on before the others."""
    if insist is None:
        return builds
    wanted = _wanted(builds, insist)
    return (*wanted, *(build for build in builds if build not in wanted))


def _wanted(builds: tuple[Build, ...], insist: str) -> tuple[Build, ...]:
    return tuple(build for build in builds if variants.number(insist, build.variant) is not None)


def _taken(
    toolchain: Toolchain, judged: Judged, passed: tuple[Judged, ...], builds: tuple[Build, ...]
) -> Choice:
    return Choice(
        toolchain=toolchain.name,
        version=toolchain.version,
        taken=judged,
        passed=passed,
        several=len(builds) > 1,
    )


def _hint(toolchain: Toolchain, platform: Platform, machine: Machine, passed: list[Judged]) -> str:
    """Say what would work; else what stands in brackets behind each obstacle is all that there is to say."""
    others = tuple(alternatives(toolchain, platform, machine))[:_MOST_ALTERNATIVES]
    if any(obstacle.remedy for each in passed for obstacle in each.obstacles):
        others = ("do what stands in brackets", *others)
    return "; or ".join(others)


def alternatives(toolchain: Toolchain, platform: Platform, machine: Machine) -> Iterator[str]:
    """Yield what the zoofile could ask for instead that would run on a machine."""
    request, name = toolchain.request, toolchain.name
    wheels = known.llama_cpp().pypi.wheels if name == known.LLAMA_CPP and request.source != "pypi" else {}
    if platform in wheels and not needs.obstacles(needs.of_wheel(platform), machine):
        yield '`from = "pypi"` has a build that would run here'
    if runs := _official(toolchain, platform, machine):
        yield f'`from = "github"` has builds that would run here: {", ".join(runs)}'
    if not platform.startswith("windows"):
        yield '`from = "source"` builds one on this machine'
    yield 'a program of your own is used with `from = { path = "…" }`'


def _official(toolchain: Toolchain, platform: Platform, machine: Machine) -> list[str]:
    """The variants of official releases that would run on a machine, and are not locked."""
    if toolchain.name not in known.NAMES:
        return []
    data = known.github(toolchain.name)
    here = [build.variant for build in toolchain.builds if build.platform == platform]
    locked = here if toolchain.request.source == "github" else []
    return [
        asset.variant
        for asset in data.assets
        if asset.platform == platform
        and all(variants.number(asset.variant, variant) is None for variant in locked)
        and not needs.obstacles(needs.of_release(data, platform, asset.variant), machine)
    ]

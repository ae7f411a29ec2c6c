"""Engines: which build of each toolchain this machine takes, what keeps it from the others, known faults."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice, takewhile

from zoo.doctor.finding import Finding
from zoo.errors import EaiError, EngineError
from zoo.lock.model import Build, Recipe, Toolchain, ToolchainRequest
from zoo.platform import Platform
from zoo.toolchains import known, needs, variants
from zoo.toolchains.advisories import open_in
from zoo.toolchains.choose import Judged, alternatives, judge
from zoo.toolchains.machine import Machine

_MOST_ALTERNATIVES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """A toolchain on this machine.

    Attributes:
        toolchain: As it is locked, or as it is asked for where nothing is locked yet.
        locked: Which of the two.
        judged: The builds for this platform, the best first, with what keeps this machine from each.
        others: What could be asked for instead and would run, in words.
        problem: Why there are no builds to judge.
    """

    toolchain: Toolchain
    locked: bool = True
    judged: tuple[Judged, ...] = ()
    others: tuple[str, ...] = ()
    problem: Finding | None = None

    @property
    def name(self) -> str:
        """What people call it."""
        return f"{self.toolchain.name} {self.toolchain.version}"

    @property
    def taken(self) -> Build | None:
        """The build that is taken."""
        return next((each.build for each in self.judged if not each.obstacles), None)

    @property
    def passed(self) -> tuple[Judged, ...]:
        """Those before it."""
        return tuple(takewhile(lambda each: each.obstacles, self.judged))


def locked(toolchain: Toolchain, platform: Platform, machine: Machine) -> Engine:
    """Judge the builds that are locked."""
    try:
        judged = judge(toolchain, platform, machine)
    except EaiError as error:
        return Engine(toolchain=toolchain, problem=Finding.of(error))
    return Engine(toolchain=toolchain, judged=judged, others=_others(toolchain, platform, machine, judged))


def requested(name: str, request: ToolchainRequest, platform: Platform, machine: Machine) -> Engine | None:
    """Judge what would be locked; None where only locking can tell what that is, as of source code.

    Args:
        name: Of the toolchain.
        request: What the zoofile asks for.
        platform: The one this is.
        machine: This machine.
    """
    toolchain = Toolchain(name=name, request=request, version=request.version, builds=())
    judged = tuple(_asked(toolchain, platform, machine))
    if not judged:
        return None
    others = _others(toolchain, platform, machine, judged)
    return Engine(toolchain=toolchain, locked=False, judged=judged, others=others)


def _asked(toolchain: Toolchain, platform: Platform, machine: Machine) -> Iterator[Judged]:
    request = toolchain.request
    wheels = known.llama_cpp().pypi.wheels
    if request.source == "pypi" and toolchain.name == known.LLAMA_CPP and platform in wheels:
        found = [(wheels[platform].variant, needs.of_wheel(platform))]
    elif request.source == "github" and toolchain.name in known.NAMES:
        asked = variants.expanded(request.variants(platform))
        found = [(variant, needs.of_request(toolchain.name, platform, variant)) for variant in asked]
    else:
        found = []
    for variant, need in found:
        build = Build(platform=platform, variant=variant, program="")
        yield Judged(build=build, obstacles=needs.obstacles(need, machine))


def _others(
    toolchain: Toolchain, platform: Platform, machine: Machine, judged: tuple[Judged, ...]
) -> tuple[str, ...]:
    if any(not each.obstacles for each in judged):
        return ()
    return tuple(islice(alternatives(toolchain, platform, machine), _MOST_ALTERNATIVES))


def checks(engine: Engine) -> Iterator[Finding]:
    """Find what keeps this machine from the builds of a toolchain."""
    if engine.problem is not None:
        yield engine.problem
    elif engine.taken is None:
        yield from _none(engine)
    else:
        yield from _better(engine)


def _none(engine: Engine) -> Iterator[Finding]:
    instead = "; or ".join(engine.others) or None
    for each in engine.judged:
        for obstacle in each.obstacles:
            what = f"{engine.name}, {each.build.variant}: {obstacle.what}"
            yield Finding("error", what, obstacle.remedy or instead)


def _better(engine: Engine) -> Iterator[Finding]:
    """Of builds that would have been better, only what somebody can do something about."""
    taken = engine.taken.variant if engine.taken else ""
    for each in engine.passed:
        for obstacle in each.obstacles:
            if obstacle.remedy is not None:
                yield Finding(
                    "warning",
                    f"{engine.name} runs as {taken}, since {each.build.variant} {obstacle.what}",
                    obstacle.remedy,
                )


def faults(toolchain: Toolchain) -> Iterator[Finding]:
    """Find the known faults of a locked engine."""
    for fault in open_in(toolchain.name, toolchain.version):
        yield Finding(
            "warning",
            f"{toolchain.name} {toolchain.version} has {fault.id}, which {fault.fixed} has not: {fault.what}",
            f"`eai lock --upgrade-toolchain {toolchain.name}` pins a newer build",
        )


def tools(engine: Engine, find: Callable[[Recipe], object], *, built: bool) -> Iterator[Finding]:
    """Find which programs are missing to build an engine from source.

    Args:
        engine: The engine.
        find: Finds all that a recipe needs; raises `EngineError` where it can't.
        built: Whether the build is made already, so that nothing is needed.
    """
    if built or engine.taken is None or engine.taken.recipe is None:
        return
    try:
        find(engine.taken.recipe)
    except EngineError as error:
        yield Finding("error", f"{engine.name}: {error.message}", error.hint)


def settings(engines: tuple[Engine, ...], config: str, *, there: bool) -> Iterator[Finding]:
    """Find a configuration of this machine that would change what engines do; eai's own wheel reads none."""
    reads = [
        each.name
        for each in engines
        if each.taken and each.toolchain.name == known.LLAMA_CPP and each.toolchain.request.source != "pypi"
    ]
    if there and reads:
        yield Finding(
            "error",
            f"{config} would change how {', '.join(reads)} behaves on this machine",
            'move it away, or use `from = "pypi"`, whose engine doesn\'t read it',
        )

"""Examines a machine, and a project on it, from beginning to end; no connection is opened."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path

from zoo import config
from zoo.digest import Digest
from zoo.doctor import engines, graphics, host, place, project, sockets
from zoo.doctor.engines import Engine
from zoo.doctor.finding import Finding
from zoo.doctor.project import Listen, Missing
from zoo.errors import EaiError
from zoo.lock.model import Build, Lock
from zoo.serve import state
from zoo.serve.listen import listen
from zoo.serve.machine import budget
from zoo.serve.rundir import run_dir
from zoo.store import Store
from zoo.toolchains import tools
from zoo.toolchains.install import SYSTEM_CONFIG, tree_key
from zoo.toolchains.machine import Eyes
from zoo.toolchains.machine import look as look_at_machine


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """What is examined, and what with.

    Attributes:
        data: Where eai keeps everything.
        project: The folder of a project; None for the machine alone.
        eyes: Look at the machine.
        env: The environment.
        now: What the clock says.
        budget: Settles `[server] memory`, in bytes.
        listen: Takes a host and a port, to give them back.
        system_config: The configuration of llama.cpp for a whole machine.
    """

    data: Path
    project: Path | None = None
    eyes: Eyes = field(default_factory=Eyes)
    env: Mapping[str, str] = field(default_factory=lambda: os.environ)
    now: float = field(default_factory=time.time)
    budget: Callable[[str], int] = lambda memory: budget(memory).size
    listen: Listen | None = None
    system_config: Path = SYSTEM_CONFIG

    @property
    def runs(self) -> Path:
        """The folder of all runs."""
        return self.data / "run"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was seen, and what was found in that.

    Attributes:
        files: What the project's files say; None without a project.
        engines: The engines that are locked, or would be.
        missing: What of the lock is to come; None without a lock.
        serving: Where the project is being served.
        token: Whether HF_TOKEN is set.
    """

    host: host.Host
    graphics: graphics.Graphics
    place: place.Place
    sockets: sockets.Sockets
    files: project.Files | None
    engines: tuple[Engine, ...]
    missing: Missing | None
    serving: str | None
    token: bool
    findings: tuple[Finding, ...]


def examine(patient: Patient) -> Report:
    """Look at everything, and find what is in eai's way."""
    machine = look_at_machine(patient.eyes)
    seen = host.look(patient.eyes, machine, now=patient.now)
    cards = graphics.look(patient.eyes.root, machine)
    folder = place.look(patient.data)
    listening = sockets.look(patient.env.get("XDG_RUNTIME_DIR"), patient.runs)
    files = None if patient.project is None else project.look(patient.project)
    judged = () if seen.platform is None else project.engines_of(files, seen.platform, machine)
    lock = None if files is None else files.lock
    builds = {each.toolchain.name: each.taken for each in judged if each.taken is not None}
    store, broken = _store(folder.store)
    missing = project.to_come(lock, builds, partial(_has, store)) if lock and store else None
    running = None if patient.project is None else state.running(run_dir(patient.data, patient.project))
    findings = (
        *host.checks(seen),
        *place.checks(folder),
        *broken,
        *sockets.checks(listening),
        *_config(patient),
        *(() if files is None else project.checks(files)),
        *chain.from_iterable(engines.checks(each) for each in judged),
        *engines.settings(judged, str(patient.system_config), there=patient.system_config.exists()),
        *graphics.checks(cards),
        *(() if lock is None else _serving(patient, lock, judged, store)),
        *(() if missing is None else project.space(missing, folder.room)),
        *(() if lock is None or running is not None else _taking(patient, lock, builds)),
    )
    return Report(
        host=seen,
        graphics=cards,
        place=folder,
        sockets=listening,
        files=files,
        engines=judged,
        missing=missing,
        serving=None if running is None else running.url,
        token=bool(patient.env.get("HF_TOKEN")),
        findings=findings,
    )


def _store(root: Path) -> tuple[Store | None, tuple[Finding, ...]]:
    try:
        return Store(root), ()
    except EaiError as error:
        return None, (Finding.of(error),)


def _has(store: Store, digest: Digest) -> bool:
    """Whether an object is there; what it holds is for `eai store verify` to read."""
    return store.object(digest).is_file()


def _config(patient: Patient) -> Iterator[Finding]:
    try:
        config.load(config.path_of(patient.env))
    except EaiError as error:
        yield Finding.of(error)


def _serving(
    patient: Patient, lock: Lock, judged: tuple[Engine, ...], store: Store | None
) -> Iterator[Finding]:
    """What matters of the engines once they are locked."""
    for toolchain in lock.toolchain:
        yield from engines.faults(toolchain)
    find = partial(tools.find, search=tools.places(patient.env))
    for each in judged:
        yield from engines.tools(each, find, built=_built(each.taken, store))


def _built(build: Build | None, store: Store | None) -> bool:
    return build is not None and store is not None and store.tree(tree_key(build)) is not None


def _taking(patient: Patient, lock: Lock, builds: Mapping[str, Build]) -> Iterator[Finding]:
    """What a proxy would take, where none has it already."""
    yield from project.port(lock, patient.listen or partial(listen, runs=patient.runs))
    on_gpu = any(not build.variant.startswith("cpu") for build in builds.values())
    yield from project.memory(lock, patient.budget(lock.server.memory), gpu=on_gpu)

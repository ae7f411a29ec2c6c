"""What `eai doctor` shows: for people as lines, for programs as plain values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

from zoo.cli.text import count, size
from zoo.doctor.engines import Engine
from zoo.doctor.examine import Report
from zoo.doctor.finding import Finding, stops
from zoo.doctor.host import FEATURES, Host
from zoo.serve.units import spell
from zoo.toolchains.gpus import Gpu

_WIDTH = 13
_ORDER = ("error", "warning", "note")

Fact = tuple[str, str]


def lines(report: Report) -> Iterator[str]:
    """Say it to a person: what there is, then what is wrong with it, the worst first."""
    yield from _section("this machine", _host(report))
    yield from _section("the store", _place(report))
    if report.files is not None:
        yield from _section(f"the project in {report.files.folder}", _project(report))
    for engine in report.engines:
        yield from _engine(engine)
    yield ""
    for finding in sorted(report.findings, key=lambda each: _ORDER.index(each.level)):
        yield from _finding(finding)
    yield _verdict(report.findings)


def _section(title: str, facts: Iterable[Fact]) -> Iterator[str]:
    yield title
    for name, value in facts:
        yield f"  {name:<{_WIDTH}}{value}"


def _host(report: Report) -> Iterator[Fact]:
    host = report.host
    yield "platform", f"{host.platform or 'unknown'}, {host.system}{_wsl(host)}"
    if host.machine.jetson is not None:
        yield "Jetson", f"NVIDIA's Linux {host.machine.jetson}"
    if host.machine.system == "linux":
        yield "C library", f"glibc {host.machine.glibc}" if host.machine.glibc else "not glibc (musl?)"
    yield "Python", host.python + (", free-threaded" if host.machine.free_threaded else "")
    yield "processor", ", ".join((count(host.cores, "core"), *_features(host)))
    yield "memory", _memory(host)
    for gpu in report.graphics.gpus:
        yield "GPU", _gpu(gpu)
    if not report.graphics.gpus:
        yield "GPU", "none seen"
    if host.machine.rocm is not None:
        yield "ROCm", host.machine.rocm


def _wsl(host: Host) -> str:
    return "" if host.wsl is None else f", in version {host.wsl} of Windows' Subsystem for Linux"


def _features(host: Host) -> list[str]:
    return [name for name in FEATURES if name in (host.machine.cpu or ())]


def _memory(host: Host) -> str:
    told = [] if host.machine.memory is None else [spell(host.machine.memory)]
    if host.available is not None:
        told.append(f"{spell(host.available)} available")
    if host.limit is not None:
        told.append(f"{spell(host.limit)} allowed by the control group")
    return ", ".join(told) or "unknown"


def _gpu(gpu: Gpu) -> str:
    told = [gpu.name]
    if gpu.memory is not None:
        told.append(spell(gpu.memory))
    if gpu.driver is not None:
        told.append(f"driver {gpu.driver}")
    if gpu.compute is not None:
        told.append(f"compute capability {gpu.compute}")
    return ", ".join(told)


def _place(report: Report) -> Iterator[Fact]:
    place = report.place
    yield "folder", f"{place.store}{'' if place.store.is_dir() else ' (not there yet)'}"
    yield "owner", f"{place.owner}, mode {place.mode:04o}{'' if place.writable else ', not writable'}"
    yield "disk", f"{place.filesystem or 'unknown'}, {size(place.room)} to write of {size(place.total)}"
    yield "sockets", str(report.sockets.base)
    yield "HF_TOKEN", "set; the Hub was not asked whether it is valid" if report.token else "not set"


def _project(report: Report) -> Iterator[Fact]:
    files, missing = report.files, report.missing
    if files is None or files.lock is None:
        yield "zoo.lock", "none that can be read"
        return
    models, old = count(len(files.lock.model), "model"), ", out of date" if files.stale else ""
    yield "zoo.lock", f"{models}, {count(len(files.lock.toolchain), 'toolchain')}{old}"
    if missing is not None:
        to_come = f"{count(missing.files, 'file')} to come, {size(missing.size)}"
        yield "in the store", to_come if missing.files else "all of it"
    yield "served", report.serving or "no"


def _engine(engine: Engine) -> Iterator[str]:
    taken = engine.taken
    verb = "takes" if engine.locked else "would take"
    yield f"{engine.name}, from {_provider(engine)}: " + (
        f"this machine {verb} {taken.variant}" if taken else "this machine can run no build"
    )
    for each in engine.passed:
        for obstacle in each.obstacles:
            yield f"  not {each.build.variant}: it {obstacle.what}"


def _provider(engine: Engine) -> str:
    source = engine.toolchain.request.source
    return source if isinstance(source, str) else "a path"


def _finding(finding: Finding) -> Iterator[str]:
    head, *more = finding.what.splitlines()
    yield f"{finding.level}: {head}"
    yield from (f"  {line}" for line in more)
    if finding.remedy is not None:
        yield f"  remedy: {finding.remedy}"


def _verdict(findings: tuple[Finding, ...]) -> str:
    number = sum(finding.level == "error" for finding in findings)
    if stops(findings):
        return f"{count(number, 'thing')} {'stops' if number == 1 else 'stop'} `eai up`"
    return "nothing stops `eai up`"


def plain(report: Report) -> dict[str, Any]:
    """Say it to a program; sizes are bytes."""
    host, place, files = report.host, report.place, report.files
    return {
        "ok": not stops(report.findings),
        "findings": [asdict(finding) for finding in report.findings],
        "machine": {
            "platform": host.platform,
            "system": host.system,
            "glibc": host.machine.glibc,
            "macos": host.machine.macos,
            "jetson": host.machine.jetson,
            "board": host.machine.board,
            "rocm": host.machine.rocm,
            "wsl": host.wsl,
            "python": host.python,
            "free-threaded": host.machine.free_threaded,
            "cores": host.cores,
            "features": _features(host),
            "memory": host.machine.memory,
            "available": host.available,
            "limit": host.limit,
            "gpus": [asdict(gpu) for gpu in report.graphics.gpus],
        },
        "store": {
            "folder": str(place.store),
            "owner": place.owner,
            "mode": f"{place.mode:04o}",
            "writable": place.writable,
            "filesystem": place.filesystem,
            "total": place.total,
            "room": place.room,
        },
        "sockets": {
            "folder": str(report.sockets.base),
            "left": [str(folder) for folder in report.sockets.left],
        },
        "project": None if files is None else _plain_project(report),
        "engines": [_plain_engine(engine) for engine in report.engines],
    }


def _plain_project(report: Report) -> dict[str, Any]:
    files, missing = report.files, report.missing
    return {
        "folder": None if files is None else str(files.folder),
        "locked": files is not None and files.lock is not None,
        "missing": None if missing is None else asdict(missing),
        "served": report.serving,
    }


def _plain_engine(engine: Engine) -> dict[str, Any]:
    return {
        "name": engine.toolchain.name,
        "version": engine.toolchain.version,
        "from": _provider(engine),
        "locked": engine.locked,
        "takes": engine.taken.variant if engine.taken else None,
        "builds": [
            {
                "variant": each.build.variant,
                "obstacles": [asdict(obstacle) for obstacle in each.obstacles],
            }
            for each in engine.judged
        ],
    }

"""The host: its system, processor, memory, user and clock, and what of those is in eai's way."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import zoo
from zoo.doctor.finding import Finding
from zoo.errors import EaiError
from zoo.platform import Platform, named
from zoo.toolchains.gpus import read
from zoo.toolchains.machine import Eyes, Machine

FEATURES = ("avx2", "avx512f", "bmi2", "f16c", "fma", "sse4_2", "asimd", "asimddp", "i8mm", "sve")
"""Features of a processor that make an engine fast, or are needed by a build, as the kernel spells them."""
_CGROUP_LIMITS = ("sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory/memory.limit_in_bytes")
_NO_LIMIT = 1 << 60  # version 1 of control groups spells "none" as a huge number
_DAY = 86400.0
_LITTLE = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """What there is, besides graphics.

    Attributes:
        platform: As locks name it; None where eai knows no such platform.
        system: What the distribution, or the maker, calls it.
        arch: As `uname -m` has it.
        python: The version and the path of the Python that eai runs on.
        machine: What builds may ask for.
        cores: How many processors this process may use.
        available: Bytes of memory that nobody needs now.
        limit: Bytes that the control group allows; None where it sets no limit.
        wsl: The version of the Windows Subsystem for Linux; None elsewhere.
        now: What the clock says, in seconds since 1970.
        installed: When this eai was put here, in the same.
    """

    platform: Platform | None
    system: str
    arch: str
    python: str
    machine: Machine
    cores: int
    available: int | None = None
    limit: int | None = None
    wsl: int | None = None
    now: float
    installed: float


def look(eyes: Eyes, machine: Machine, *, now: float) -> Host:
    """Look at this host.

    Args:
        eyes: What it is looked at with.
        machine: What was seen of it already.
        now: What the clock says.
    """
    import psutil  # noqa: PLC0415 - 20 ms, for those who want to know

    affinity = getattr(os, "sched_getaffinity", None)
    return Host(
        platform=_platform(eyes),
        system=_system(eyes, machine),
        arch=eyes.arch,
        python=f"{sys.version.split()[0]} ({sys.executable})",
        machine=machine,
        cores=len(affinity(0)) if affinity else os.cpu_count() or 1,
        available=int(psutil.virtual_memory().available),
        limit=limit(eyes.root),
        wsl=wsl(read(eyes.root / "proc/version") or ""),
        now=now,
        installed=Path(zoo.__file__).stat().st_mtime,
    )


def limit(root: Path) -> int | None:
    """Bytes of memory that the control group allows, in either version; None where it sets no limit."""
    for name in _CGROUP_LIMITS:
        said = read(root / name)
        if said is not None and said.isdecimal() and int(said) < _NO_LIMIT:
            return int(said)
    return None


def wsl(kernel: str) -> int | None:
    """Which Windows Subsystem for Linux a kernel's /proc/version is of."""
    if "microsoft" not in kernel.lower():
        return None
    return 2 if "microsoft-standard" in kernel or "WSL2" in kernel else 1


def _platform(eyes: Eyes) -> Platform | None:
    try:
        return named(eyes.system, eyes.arch)
    except EaiError:
        return None


def _system(eyes: Eyes, machine: Machine) -> str:
    if machine.macos is not None:
        return f"macOS {machine.macos}"
    pretty = re.search(r'^PRETTY_NAME="?([^"\n]*)', read(eyes.root / "etc/os-release") or "", re.MULTILINE)
    return pretty[1] if pretty else eyes.system


def checks(host: Host) -> Iterator[Finding]:
    """Find what of a host is in the way."""
    yield from _known(host)
    yield from _wsl(host)
    yield from _memory(host)
    yield from _clock(host)


def _known(host: Host) -> Iterator[Finding]:
    if host.platform is None:
        yield Finding(
            "error",
            f"no engine is built for {host.machine.system} on {host.arch}",
            "use a machine with Linux, macOS or Windows on x86_64 or arm64",
        )


def _wsl(host: Host) -> Iterator[Finding]:
    if host.wsl == 1:
        yield Finding(
            "warning",
            "this is version 1 of the Windows Subsystem for Linux, which has no GPUs and slow files",
            "`wsl --set-version NAME 2` in Windows makes it version 2",
        )


def _memory(host: Host) -> Iterator[Finding]:
    if host.limit is not None and host.limit < _LITTLE:
        yield Finding(
            "warning",
            f"the control group that eai runs in may use {host.limit >> 20} MiB of memory",
            "give the container, or the service, more",
        )


def _clock(host: Host) -> Iterator[Finding]:
    if host.now < host.installed - _DAY:
        yield Finding(
            "warning",
            "the clock is wrong: by it, eai was installed in the future, and no server's certificate will be "
            "believed",
            "set the clock; `timedatectl set-ntp true` keeps it right",
        )

"""What this machine is and has, as far as a build of an engine may ask."""

from __future__ import annotations

import functools
import os
import platform
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from zoo.toolchains import gpus, smi
from zoo.toolchains.gpus import Gpu, Run, read

_TEGRA = re.compile(r"# R(?P<major>\d+) \(release\), REVISION: (?P<minor>[\d.]+)")
_VERSION = re.compile(r"\d+(\.\d+)*")
_CHIP = re.compile(r"tegra(?P<number>\d+)")
_BOARDS = {"194": "xavier", "234": "orin", "264": "thor"}
_SMALL = 9 << 30
"""Bytes: on boards of 8 GB the GPU cannot reserve addresses as llama.cpp would have it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What a build may need of a machine. What takes long to find out is only found out when it is asked for.

    Attributes:
        system: As `sys.platform` has it: linux, darwin, win32.
        glibc: The version of the GNU C library; None where there is none, as with musl.
        macos: The version of macOS; None elsewhere.
        cpu: The processor's features; None where they cannot be known.
        memory: Bytes of all its memory; None where that cannot be known.
        jetson: The release of NVIDIA's Linux for Jetson boards, such as `36.4.0`; None on other machines.
        board: Which Jetson board it is: xavier, orin, orin-nano (any Orin of at most 8 GB), thor.
        rocm: The version of AMD's ROCm that is installed.
        gpus: Lists the GPUs.
        loads: Says whether a shared library of the system can be loaded.
        free_threaded: Whether eai's Python has no global lock, and so no stable ABI.
    """

    system: str = "linux"
    glibc: str | None = None
    macos: str | None = None
    cpu: frozenset[str] | None = None
    memory: int | None = None
    jetson: str | None = None
    board: str | None = None
    rocm: str | None = None
    gpus: Callable[[], tuple[Gpu, ...]] = tuple
    loads: Callable[[str], bool] = lambda _: True
    free_threaded: bool = False


def _loads(library: str) -> bool:
    """Whether a shared library of the system can be loaded; it stays in this process."""
    import ctypes  # noqa: PLC0415 - only where a build needs a library

    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _confstr(name: str) -> str | None:
    ask = getattr(os, "confstr", None)  # not on Windows
    return None if ask is None else ask(name)


def _sysconf(name: str) -> int:
    ask = getattr(os, "sysconf", None)
    return 0 if ask is None else ask(name)


def _mac_version() -> str:
    return platform.mac_ver()[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Eyes:
    """What a machine is looked at with.

    Attributes:
        root: The root of its file system.
        system: As `sys.platform` has it.
        arch: As `uname -m` has it.
        run: Runs a program that tells of it.
        loads: Tries to load a shared library.
        confstr: Gives a string of the system's configuration; raises what `os.confstr` does.
        sysconf: Gives a number of it; raises what `os.sysconf` does.
        macos: Gives the version of macOS, or an empty string.
    """

    root: Path = Path("/")
    system: str = sys.platform
    arch: str = field(default_factory=platform.machine)
    run: Run = smi.run
    loads: Callable[[str], bool] = _loads
    confstr: Callable[[str], str | None] = _confstr
    sysconf: Callable[[str], int] = _sysconf
    macos: Callable[[], str] = _mac_version


def look(eyes: Eyes | None = None) -> Machine:
    """Look at the machine that eai runs on; of a GPU, nothing is asked before somebody wants to know."""
    eyes = eyes or Eyes()
    jetson, memory = _jetson(eyes.root), _memory(eyes.sysconf)
    board = _board(eyes.root, memory)
    return Machine(
        system=eyes.system,
        glibc=_glibc(eyes.confstr),
        macos=eyes.macos() or None,
        cpu=features(eyes.root / "proc/cpuinfo"),
        memory=memory,
        jetson=jetson,
        board=board,
        rocm=_rocm(eyes.root),
        gpus=functools.cache(lambda: _gpus(eyes, jetson=bool(jetson or board))),
        loads=eyes.loads,
        free_threaded="t" in getattr(sys, "abiflags", ""),
    )


def features(cpuinfo: Path) -> frozenset[str] | None:
    """The features of the first processor, in the form of /proc/cpuinfo; None where it does not say."""
    try:
        lines = cpuinfo.read_text("utf-8", "replace").splitlines()
    except OSError:
        return None
    named = (line for line in lines if line.startswith(("flags", "Features")))
    return next((frozenset(line.partition(":")[2].split()) for line in named), None)


def _glibc(confstr: Callable[[str], str | None]) -> str | None:
    try:
        name = confstr("CS_GNU_LIBC_VERSION") or ""
    except (OSError, ValueError):  # another C library
        return None
    return name.removeprefix("glibc ") or None


def _memory(sysconf: Callable[[str], int]) -> int | None:
    try:
        return sysconf("SC_PHYS_PAGES") * sysconf("SC_PAGE_SIZE") or None
    except (OSError, ValueError):
        return None


def _jetson(root: Path) -> str | None:
    match = _TEGRA.match(read(root / "etc/nv_tegra_release") or "")
    return f"{match['major']}.{match['minor']}" if match else None


def _board(root: Path, memory: int | None) -> str | None:
    """Which board it is, by the chip that its device tree names."""
    match = _CHIP.search(read(root / "proc/device-tree/compatible") or "")
    board = _BOARDS.get(match["number"]) if match else None
    return "orin-nano" if board == "orin" and memory is not None and memory < _SMALL else board


def _rocm(root: Path) -> str | None:
    match = _VERSION.match(read(root / "opt/rocm/.info/version") or "")
    return match[0] if match else None


def _gpus(eyes: Eyes, *, jetson: bool) -> tuple[Gpu, ...]:
    if eyes.system == "darwin":
        return (Gpu(kind="apple", name="Apple GPU"),) if eyes.arch == "arm64" else ()
    if jetson:
        # Its GPU shares the memory of the board, and older releases have no nvidia-smi.
        name = read(eyes.root / "proc/device-tree/model") or "NVIDIA Jetson"
        return (Gpu(kind="nvidia", name=name, driver=gpus.driver(eyes.root)),)
    return gpus.found(eyes.root, eyes.run)

"""Whether this machine can run a build, asked before it is started: else it dies without a word."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from packaging.version import Version

from zoo.errors import EngineError
from zoo.toolchains import known

CPUINFO = Path("/proc/cpuinfo")
_OWN = 'build llama-server on this machine, and use it with `from = { path = "llama-server" }`'


@dataclass(frozen=True, slots=True)
class Machine:
    """What a build may need of a machine.

    Attributes:
        glibc: The version of the GNU C library; None where there is none, as with musl.
        macos: The version of macOS; None elsewhere.
        cpu: The processor's features; None where they cannot be known.
        loads: Whether a shared library of the system can be loaded.
        free_threaded: Whether eai's Python has no global lock, and so no stable ABI.
    """

    glibc: str | None
    macos: str | None
    cpu: frozenset[str] | None
    loads: Callable[[str], bool]
    free_threaded: bool = False

    @classmethod
    def this(cls) -> Self:
        """The machine that eai runs on."""
        return cls(_glibc(), platform.mac_ver()[0] or None, features(CPUINFO), _loads, "t" in sys.abiflags)


def check(needs: known.Needs, machine: Machine) -> None:
    """See that a machine has what a build needs.

    Raises:
        EngineError: It lacks something; with how to get it, where it can be got.
    """
    _check_system(needs, machine)
    if machine.cpu is not None and (lacking := sorted(set(needs.cpu) - machine.cpu)):
        raise EngineError(
            f"the locked build of llama.cpp needs a processor with {', '.join(lacking)},"
            " and this machine's has none",
            hint=_OWN,
        )
    for library in needs.libraries:
        if not machine.loads(library):
            raise EngineError(
                f"this machine has no {library}, and the locked build of llama.cpp needs it",
                hint=known.llama_cpp().libraries.get(library),
            )


def _check_system(needs: known.Needs, machine: Machine) -> None:
    if machine.free_threaded:
        raise EngineError(
            "the locked build of llama.cpp cannot be loaded by a free-threaded Python, and eai runs on one",
            hint="install eai with an ordinary Python",
        )
    wanted = (("glibc", needs.glibc, machine.glibc), ("macOS", needs.macos, machine.macos))
    for name, least, found in wanted:
        if least is not None and (found is None or Version(found) < Version(least)):
            raise EngineError(
                f"the locked build of llama.cpp needs {name} {least} or newer,"
                f" and this machine has {found or f'no {name}'}",
                hint=_OWN,
            )


def _glibc() -> str | None:
    try:
        name = os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (AttributeError, ValueError):  # no such function, or another C library
        return None
    return name.removeprefix("glibc ") or None


def features(cpuinfo: Path) -> frozenset[str] | None:
    """The features of the first processor, in the form of /proc/cpuinfo; None where it does not say."""
    try:
        lines = cpuinfo.read_text("utf-8", "replace").splitlines()
    except OSError:
        return None
    return next(
        (frozenset(line.partition(":")[2].split()) for line in lines if line.startswith("flags")), None
    )


def _loads(library: str) -> bool:
    import ctypes  # noqa: PLC0415 - only where an engine is about to be started

    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True

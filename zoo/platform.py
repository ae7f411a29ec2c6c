"""Platforms: the closed list of what a build can be for, and which one this is."""

from __future__ import annotations

import platform as _host
import sys
from typing import Literal, get_args

from zoo.errors import EaiError

Platform = Literal[
    "linux-aarch64",
    "linux-x86_64",
    "macos-arm64",
    "macos-x86_64",
    "windows-arm64",
    "windows-x86_64",
]
PLATFORMS: tuple[Platform, ...] = get_args(Platform)

_SYSTEMS = {"linux": "linux", "darwin": "macos", "win32": "windows"}
_MACHINES = {
    ("linux", "aarch64"): "aarch64",
    ("linux", "arm64"): "aarch64",
    ("macos", "arm64"): "arm64",
    ("macos", "aarch64"): "arm64",
    ("windows", "arm64"): "arm64",
}


def named(system: str, machine: str) -> Platform:
    """Name the platform of a `sys.platform` and a machine as `uname -m` gives it.

    Raises:
        EaiError: No build exists for such a machine.
    """
    os_name = _SYSTEMS.get(system, system)
    lower = machine.lower()
    arch = "x86_64" if lower in {"x86_64", "amd64"} else _MACHINES.get((os_name, lower), lower)
    name = f"{os_name}-{arch}"
    for known in PLATFORMS:
        if name == known:
            return known
    raise EaiError(
        f"this machine is {name}, and eai knows no such platform",
        hint=f"the platforms are {', '.join(PLATFORMS)}",
    )


def current() -> Platform:
    """Name the platform that eai is running on."""
    return named(sys.platform, _host.machine())

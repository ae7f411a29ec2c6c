"""Graphics: which GPUs there are, by which driver, and whether this user may compute on them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from zoo.doctor.finding import Finding
from zoo.toolchains.gpus import VENDORS, Gpu, Kind, read
from zoo.toolchains.machine import Machine

_MODULES = ("nvidia", "nouveau", "amdgpu", "radeon", "i915", "xe")
_NODES = ("dri/renderD*", "kfd", "nvidia[0-9]*", "nvidiactl", "nvmap", "nvhost-ctrl-gpu")
_DISPLAY = "0x03"  # the class of PCI devices that show or compute pictures
_DRIVERS = "`sudo ubuntu-drivers install` (Ubuntu), or `apt-get install nvidia-driver` (Debian, non-free)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A device file that an engine computes through.

    Attributes:
        path: Where it is.
        group: The group that may use it.
        usable: Whether this user may.
    """

    path: str
    group: str
    usable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Graphics:
    """What there is.

    Attributes:
        gpus: Those that were found with a way to compute on them, or at least a name.
        cards: Whose display controllers are on the PCI bus, driver or not.
        modules: The kernel's drivers that are loaded.
        nodes: The device files that there are.
        jetson: Whether it is a Jetson board, whose GPU is on no bus.
    """

    gpus: tuple[Gpu, ...] = ()
    cards: frozenset[Kind] = frozenset()
    modules: frozenset[str] = frozenset()
    nodes: tuple[Node, ...] = ()
    jetson: bool = False


def look(root: Path, machine: Machine) -> Graphics:
    """Look at a machine's graphics.

    Args:
        root: The root of its file system.
        machine: What was seen of it already.
    """
    return Graphics(
        gpus=machine.gpus(),
        cards=frozenset(_cards(root)),
        modules=frozenset(name for name in _MODULES if (root / "sys/module" / name).is_dir()),
        nodes=tuple(_nodes(root)),
        jetson=machine.jetson is not None,
    )


def _cards(root: Path) -> Iterator[Kind]:
    for device in sorted((root / "sys/bus/pci/devices").glob("*")):
        if (read(device / "class") or "").startswith(_DISPLAY):
            kind = VENDORS.get(read(device / "vendor") or "")
            if kind is not None:
                yield kind


def _nodes(root: Path) -> Iterator[Node]:
    for pattern in _NODES:
        for path in sorted((root / "dev").glob(pattern)):
            if not path.is_dir():
                usable = os.access(path, os.R_OK | os.W_OK)
                yield Node(path=f"/{path.relative_to(root)}", group=_group(path), usable=usable)


def _group(path: Path) -> str:
    try:
        return path.group()
    except (KeyError, OSError):  # a group of another machine, as in containers
        return ""


def checks(graphics: Graphics) -> Iterator[Finding]:
    """Find what of the graphics keeps an engine off them; an engine on the processor runs all the same."""
    yield from _nvidia(graphics)
    yield from _groups(graphics)


def _nvidia(graphics: Graphics) -> Iterator[Finding]:
    known = [gpu for gpu in graphics.gpus if gpu.kind == "nvidia"]
    if graphics.jetson or not (known or "nvidia" in graphics.cards):
        return
    driven = any(gpu.driver is not None for gpu in known)
    if not driven and "nouveau" in graphics.modules:
        yield Finding(
            "warning",
            "the NVIDIA GPU is driven by nouveau, and CUDA computes only with NVIDIA's own driver",
            f"{_DRIVERS}, then start the machine anew",
        )
    elif not driven:
        yield Finding(
            "warning",
            "there is an NVIDIA GPU, and its driver is not loaded here",
            f"{_DRIVERS}; in a container, `--gpus all` brings the host's",
        )
    elif "nvidia" in graphics.modules and not any(
        node.path.startswith("/dev/nvidia") for node in graphics.nodes
    ):
        yield Finding(
            "warning",
            "NVIDIA's driver is loaded, and there is no /dev/nvidia0 to compute through",
            "in a container, `--gpus all` brings it; else `sudo nvidia-modprobe -u -c=0` makes it",
        )


def _groups(graphics: Graphics) -> Iterator[Finding]:
    """Name the groups that a user must be in; one of them for several devices is said once."""
    closed: dict[str, list[str]] = {}
    for node in graphics.nodes:
        if not node.usable:
            closed.setdefault(node.group, []).append(node.path)
    for group, paths in sorted(closed.items()):
        join = f"`sudo usermod -aG {group} $USER`, then log in anew" if group not in {"", "root"} else None
        yield Finding(
            "warning",
            f"this user may not use {', '.join(paths)}"
            + (f": only group {group} may" if group else ", which belongs to a group that is not known here"),
            join or "start the container with the group of the device, or ask who runs this machine",
        )

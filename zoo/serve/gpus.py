"""How much memory the graphics processors of this machine have, and what processes take of it.

Each vendor is asked in its own way, and only what was read is trusted: NVIDIA's `nvidia-smi` (the
driver brings it, and a library would ask the same driver), the kernel's files for AMD. On Apple's
chips, NVIDIA's Jetsons and processors with built-in graphics, there is one memory for both.
"""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from zoo.toolchains import smi

Ask = Callable[[Sequence[str]], str | None]
"""Runs a program for what it prints; None where it is not there, fails, or takes too long."""

_MIB = 2**20
# What firmware sets aside for built-in graphics; cards that models run on have more.
_CARVED_OUT = 2 * 2**30
_MEMORY = smi.query("gpu", "memory.total", "memory.free")
_PROCESSES = smi.query("compute-apps", "pid", "used_memory")
_CLIENT = re.compile(r"^drm-client-id:\s*(\d+)$", re.MULTILINE)
_VRAM = re.compile(r"^drm-(?:memory|resident)-vram\d*:\s*(\d+) (KiB|MiB)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Gpus:
    """The graphics processors together.

    Attributes:
        total: Bytes they have; 0 where they share the host's memory.
        free: Bytes nobody uses now.
        unified: Whether they share the host's memory.
    """

    total: int = 0
    free: int = 0
    unified: bool = False


def look(root: Path = Path("/"), run: Ask = smi.run, system: str = sys.platform) -> Gpus | None:
    """Look for graphics processors.

    Args:
        root: The root of the file system.
        run: Runs a program.
        system: As `sys.platform`.

    Returns:
        What there is; None where none is found whose memory can be told.
    """
    if system == "darwin":
        return Gpus(unified=True)
    return _jetson(root) or nvidia(run(_MEMORY)) or amd(root)


def nvidia(said: str | None) -> Gpus | None:
    """Read nvidia-smi's table of total and free MiB; one that shares the host's memory says `[N/A]`."""
    rows = list(smi.rows(said, 2))
    cells = [(smi.mib(total), smi.mib(free)) for total, free in rows]
    sizes = [(total, free) for total, free in cells if total is not None and free is not None]
    if sizes:
        return Gpus(total=sum(total for total, _ in sizes), free=sum(free for _, free in sizes))
    return Gpus(unified=True) if any("N/A" in cell for row in rows for cell in row) else None


def amd(root: Path) -> Gpus | None:
    """Read what the kernel says of AMD's cards."""
    sizes: list[tuple[int, int]] = []
    for folder in sorted(root.glob("sys/class/drm/card[0-9]*/device")):
        total, used = _number(folder / "mem_info_vram_total"), _number(folder / "mem_info_vram_used")
        if total is not None and used is not None:
            sizes.append((total, max(0, total - used)))
    cards = [(total, free) for total, free in sizes if total > _CARVED_OUT]
    if cards:
        return Gpus(total=sum(total for total, _ in cards), free=sum(free for _, free in cards))
    return Gpus(unified=True) if sizes else None


def taken(pids: Sequence[int], root: Path = Path("/"), run: Ask = smi.run) -> int:
    """Bytes of GPU memory that these processes take together; 0 where nobody can tell."""
    by_process = nvidia_processes(run(_PROCESSES))
    return sum(by_process.get(pid, 0) for pid in pids) or sum(
        map(_drm, (root / f"proc/{pid}" for pid in pids))
    )


def nvidia_processes(said: str | None) -> dict[int, int]:
    """Read nvidia-smi's table of processes: bytes by process id; one process may be on several cards."""
    found: dict[int, int] = {}
    for pid, used in smi.rows(said, 2):
        size = smi.mib(used)
        if pid.isdecimal() and size is not None:
            found[int(pid)] = found.get(int(pid), 0) + size
    return found


def _drm(process: Path) -> int:
    """What the kernel's own accounts say of one process: each client of a card counts once."""
    clients: dict[str, int] = {}
    for text in _readable(process / "fdinfo"):
        if (client := _CLIENT.search(text)) is not None:
            sizes = _VRAM.findall(text)
            clients[client[1]] = max(
                (int(size) * (1024 if unit == "KiB" else _MIB) for size, unit in sizes), default=0
            )
    return sum(clients.values())


def _readable(folder: Path) -> Iterator[str]:
    with contextlib.suppress(OSError):  # the process is gone, or another user's
        for file in folder.iterdir():
            with contextlib.suppress(OSError):  # this descriptor was closed meanwhile
                yield file.read_text("ascii", "replace")


def _jetson(root: Path) -> Gpus | None:
    with contextlib.suppress(OSError):  # only boards with a device tree have that file
        if b"nvidia,tegra" in (root / "proc/device-tree/compatible").read_bytes():
            return Gpus(unified=True)
    return None


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text("ascii"))
    except (OSError, ValueError):
        return None

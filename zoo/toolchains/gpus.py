"""Which GPUs a machine has: from sysfs, NVIDIA's driver and its nvidia-smi, or what Apple builds in."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from zoo.toolchains import smi

Kind = Literal["nvidia", "amd", "intel", "apple"]
Run = Callable[[Sequence[str]], str | None]
"""Runs a program and gives what it printed; None where there is none, or it fails."""

VENDORS: dict[str, Kind] = {"0x10de": "nvidia", "0x1002": "amd", "0x8086": "intel"}
_NAMES: dict[Kind, str] = {
    "nvidia": "NVIDIA GPU",
    "amd": "AMD GPU",
    "intel": "Intel GPU",
    "apple": "Apple GPU",
}
_SMI = smi.query("gpu", "name", "memory.total", "driver_version", "compute_cap")
_MODULE = re.compile(r"Kernel Module[^\d]*(?:for \S+ +)?(?P<version>\d+(?:\.\d+)+)")
_LONGEST = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """A GPU.

    Attributes:
        name: What its maker calls it, as far as the machine says so.
        memory: In bytes; None where the machine does not say, and where it has none of its own.
        driver: The version of its driver; None where that is the kernel's own.
        compute: NVIDIA's compute capability, such as `8.9`.
    """

    kind: Kind
    name: str
    memory: int | None = None
    driver: str | None = None
    compute: str | None = None


def found(root: Path, run: Run) -> tuple[Gpu, ...]:
    """List the GPUs of a machine with Linux, or with Windows and NVIDIA's program.

    Args:
        root: The root of its file system.
        run: Runs nvidia-smi.
    """
    # Some machines, such as WSL's, have NVIDIA's program and nothing of NVIDIA in /proc or sysfs.
    nvidia = tuple(_nvidia_smi(run)) or tuple(_nvidia_proc(root))
    cards = tuple(_cards(root))
    return nvidia + tuple(card for card in cards if card.kind != "nvidia" or not nvidia)


def driver(root: Path) -> str | None:
    """The version of NVIDIA's kernel module; None where it is not loaded."""
    match = _MODULE.search(read(root / "proc/driver/nvidia/version") or "")
    return match["version"] if match else None


def read(path: Path) -> str | None:
    """The beginning of a file of the kernel's, without blanks around it; None where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(_LONGEST).decode("utf-8", "replace").strip("\0\n\t ")
    except OSError:
        return None


def _nvidia_smi(run: Run) -> Iterator[Gpu]:
    for name, memory, version, compute in smi.rows(run(_SMI), 4):
        if re.fullmatch(r"\d+(\.\d+)*", version):
            yield Gpu(
                kind="nvidia",
                name=name,
                memory=smi.mib(memory),
                driver=version,
                compute=compute if re.fullmatch(r"\d+\.\d+", compute) else None,
            )


def _nvidia_proc(root: Path) -> Iterator[Gpu]:
    version = driver(root)
    for information in sorted((root / "proc/driver/nvidia/gpus").glob("*/information")):
        text = read(information) or ""
        model = next((line.partition(":")[2] for line in text.splitlines() if line.startswith("Model:")), "")
        yield Gpu(kind="nvidia", name=model.strip() or _NAMES["nvidia"], driver=version)


def _cards(root: Path) -> Iterator[Gpu]:
    """The GPUs that the kernel knows, one for each card."""
    for card in sorted((root / "sys/class/drm").glob("card*")):
        device = card / "device"
        kind = VENDORS.get(read(device / "vendor") or "") if card.name[4:].isdecimal() else None
        if kind is None:
            continue
        memory = read(device / "mem_info_vram_total") or ""
        yield Gpu(
            kind=kind,
            name=read(device / "product_name") or _NAMES[kind],
            memory=int(memory) if memory.isdecimal() else None,
            driver=driver(root) if kind == "nvidia" else None,
        )

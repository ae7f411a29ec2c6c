"""Asks nvidia-smi, which NVIDIA's driver brings: the one place that starts it and reads what it says."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

_PATIENCE = 20  # seconds; it wakes GPUs that sleep, which takes some
_PATH = os.pathsep.join(
    ("/usr/bin", "/usr/local/bin", "/usr/lib/wsl/lib", "/usr/local/nvidia/bin", "/run/current-system/sw/bin")
)
_MIB = 1 << 20


def query(what: Literal["gpu", "compute-apps"], *columns: str) -> tuple[str, ...]:
    """The command that asks for these columns of a table."""
    return ("nvidia-smi", f"--query-{what}={','.join(columns)}", "--format=csv,noheader,nounits")


def run(command: Sequence[str]) -> str | None:
    """Run a program of the system, in a bare environment; None where there is none, or it fails."""
    program = shutil.which(command[0], path=_PATH)
    if program is None:
        return None
    env: Mapping[str, str] = {"LC_ALL": "C", "PATH": _PATH}
    try:
        ran = subprocess.run(
            (program, *command[1:]),
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return ran.stdout.decode("utf-8", "replace") if ran.returncode == 0 else None


def rows(said: str | None, columns: int) -> Iterator[tuple[str, ...]]:
    """Read a table that has so many columns; other lines are no rows of it, but words of trouble."""
    for line in (said or "").splitlines():
        cells = tuple(cell.strip() for cell in line.split(","))
        if len(cells) == columns:
            yield cells


def mib(cell: str) -> int | None:
    """Bytes of a cell that counts MiB; None where it says `[N/A]` or the like."""
    return int(cell) * _MIB if cell.isascii() and cell.isdecimal() else None

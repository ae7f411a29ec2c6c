"""How much memory the loaded models may take together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from zoo.environment.model import ServedModel
from zoo.errors import EngineTooLarge
from zoo.serve import units

_CGROUP = Path("/sys/fs/cgroup")
_RESERVE = 512 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What the loaded models may take together.

    Attributes:
        size: In bytes.
        declared: Whether zoofile.toml says so, and not this machine.
    """

    size: int
    declared: bool


def budget(memory: str, *, available: int | None = None, cgroup: Path = _CGROUP) -> Budget:
    """Settle `[server] memory`.

    `auto` is what this machine, and the control group that eai runs in, has available when the
    proxy starts, less a twentieth or 512 MiB, whichever is more. What the page cache holds counts as
    available, since weights are mapped, not copied.

    Args:
        memory: As zoofile.toml has it: `auto` or a size.
        available: Bytes that are available; asked of the machine where absent.
        cgroup: The folder of this process's control group.
    """
    if memory != "auto":
        return Budget(size=units.size(memory), declared=True)
    free = min(_available() if available is None else available, _headroom(cgroup))
    return Budget(size=max(0, int(free - max(free / 20, _RESERVE))), declared=False)


def require_room(model: ServedModel, size: int) -> None:
    """Refuse a model that a budget of this many bytes can never hold.

    Raises:
        EngineTooLarge: It needs more.
    """
    if model.memory > size:
        raise EngineTooLarge(
            f"{model.name} needs {units.spell(model.memory)} of memory, and the loaded models may take "
            f"{units.spell(size)} together",
            hint="a smaller context-length needs less; `memory` of [server] says how much there may be",
        )


def _available() -> int:
    import psutil  # noqa: PLC0415 - 20 ms, and only `auto` asks the machine

    return int(psutil.virtual_memory().available)


def _headroom(cgroup: Path) -> float:
    """Bytes until the limit of a version 2 control group; infinite where there is none."""
    try:
        limit = (cgroup / "memory.max").read_text().strip()
        used = int((cgroup / "memory.current").read_text())
        caches = dict(line.split() for line in (cgroup / "memory.stat").read_text().splitlines())
    except (OSError, ValueError):
        return float("inf")
    if not limit.isdigit():
        return float("inf")
    return int(limit) - used + int(caches.get("inactive_file", 0))

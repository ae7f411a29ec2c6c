"""How much memory the loaded models may take together: the host's, and the graphics processors'."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from zoo.environment.model import Environment, ServedModel
from zoo.errors import EngineTooLarge
from zoo.serve import gpus, units
from zoo.serve.memory import Memory

_CGROUP = Path("/sys/fs/cgroup")
_RESERVE = 512 * 2**20
# What an engine takes of the host beside what lies on a GPU: its process, the driver's part in it, and
# the table of tokens, which llama.cpp leaves on the host.
_PROCESS = 512 * 2**20
_HOST_PART = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What the loaded models may take together.

    Attributes:
        size: Bytes of the host's memory.
        declared: Whether zoofile.toml says so, and not this machine.
        gpu: Bytes of GPU memory; None where no model computes on a GPU, or none is found.
        gpu_declared: The same for those.
        unified: Whether GPU and host share one memory: then what is on the GPU counts for both.
    """

    size: int
    declared: bool = False
    gpu: int | None = None
    gpu_declared: bool = False
    unified: bool = False

    @property
    def room(self) -> Memory:
        """Both as one amount."""
        return Memory(self.size, self.gpu or 0)

    def need(self, model: ServedModel) -> Memory:
        """What a model takes of each when it is loaded, by its lock."""
        if self.gpu is None:
            return Memory(host=model.memory)
        if self.unified:
            return Memory(host=model.memory, gpu=model.gpu)
        beside = min(model.gpu, _PROCESS + model.gpu // _HOST_PART)
        return Memory(host=model.memory - model.gpu + beside, gpu=model.gpu)


def of(environment: Environment, look: Callable[[], gpus.Gpus | None] = gpus.look) -> Budget:
    """Settle `[server] memory` and `gpu-memory` for what is to be served.

    Where no model computes on a GPU, none is looked for. One whose memory cannot be told counts as
    sharing the host's.
    """
    server = environment.server
    host = budget(server.memory)
    if not any(model.gpu for model in environment.models):
        return host
    found = look()
    unified = found is None or found.unified
    if server.gpu_memory != "auto":
        size, unified = units.size(server.gpu_memory), found is not None and found.unified
    elif found is None or found.unified:
        size = host.size
    else:
        size = _leave_some(found.free)
    return Budget(
        size=host.size,
        declared=host.declared,
        gpu=size,
        gpu_declared=server.gpu_memory != "auto",
        unified=unified,
    )


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
    return Budget(size=_leave_some(min(_available() if available is None else available, headroom(cgroup))))


def require_room(model: ServedModel, budget: Budget) -> None:
    """Refuse a model that a budget can never hold.

    Raises:
        EngineTooLarge: It needs more.
    """
    need, room = budget.need(model), budget.room
    if need.host > room.host:
        raise _too_large(model, need.host, room.host, "memory", "memory")
    if not need.fits(room):
        raise _too_large(model, need.gpu, room.gpu, "GPU memory", "gpu-memory")


def _too_large(model: ServedModel, need: int, size: int, kind: str, key: str) -> EngineTooLarge:
    less = "a smaller context-length needs less" + ("" if key == "memory" else ", as do fewer gpu-layers")
    return EngineTooLarge(
        f"{model.name} needs {units.spell(need)} of {kind}, and the loaded models may take "
        f"{units.spell(size)} together",
        hint=f"{less}; `{key}` of [server] says how much there may be",
    )


def _leave_some(free: float) -> int:
    return max(0, int(free - max(free / 20, _RESERVE)))


def _available() -> int:
    import psutil  # noqa: PLC0415 - 20 ms, and only `auto` asks the machine

    return int(psutil.virtual_memory().available)


def headroom(cgroup: Path = _CGROUP) -> float:
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

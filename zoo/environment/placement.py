"""How much of a model lies in GPU memory: by its build, its locked memory, and its layers."""

from __future__ import annotations

from pathlib import Path

from zoo.errors import ZoofileError
from zoo.lock.model import Model


def on_gpu(model: Model, variant: str, weights: Path) -> int:
    """Bytes of a model that an engine of this variant keeps in GPU memory.

    All of it, with caches and buffers, where `gpu-layers` is `all`; else as much as its part of the
    layers, among which llama.cpp counts the output as one more. A build for a CPU keeps nothing there.

    Args:
        model: As locked.
        variant: What the build computes on: `cpu`, or the name of a GPU's interface.
        weights: The first file of the weights, which says how many layers there are.
    """
    layers = model.settings.gpu_layers
    if layers == 0 or is_cpu(variant):
        return 0
    if layers == "all":
        return model.memory
    count = _layers(weights)
    return model.memory if count is None else model.memory * min(layers, count + 1) // (count + 1)


def is_cpu(variant: str) -> bool:
    """Whether a build of this variant computes on the processor alone: `cpu`, `cpu-…`."""
    return variant.partition("-")[0] == "cpu"


class _File:
    """A file of the store, read by ranges."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.size: int | None = None

    def read(self, offset: int, length: int) -> bytes:
        with self._path.open("rb") as file:
            file.seek(offset)
            return file.read(length)


def _layers(weights: Path) -> int | None:
    """How many layers the weights have; None where their header does not say."""
    from zoo.resolve.gguf import read  # noqa: PLC0415 - few models have only some layers on a GPU

    try:
        header = read(_File(weights), weights.name)
    except ZoofileError:
        return None
    return header.number(f"{header.text('general.architecture')}.block_count")

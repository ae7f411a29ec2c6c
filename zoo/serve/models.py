"""What `/v1/models` says about each model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from zoo.environment.model import ServedModel
from zoo.serve.slot import State


def entry(model: ServedModel, environment: str, state: State, scales: Iterable[float]) -> dict[str, Any]:
    """One model as OpenAI's `model` object, and what else there is to know.

    `scales` are those of its adapters now. `created` is when the weights came into this machine's store:
    it is about this model, and does not change from one start to the next. `environment` is its id.
    """
    return {
        "id": model.name,
        "object": "model",
        "created": model.created,
        "owned_by": "eai",
        "active": state == "ready",
        "task": model.task,
        "is_lora": bool(model.lora_config),
        "multimodal": model.multimodal,
        "context_length": model.context_length,
        "lora_config": [
            {"name": lora.name, "digest": str(lora.digest), "scale": scale}
            for lora, scale in zip(model.lora_config, scales, strict=True)
        ],
        "digest": str(model.digest),
        "environment": environment,
        "aliases": list(model.aliases),
    } | ({} if model.note is None else {"note": model.note})


def listing(
    models: Iterable[ServedModel],
    environment: str,
    states: Mapping[str, State],
    scales: Callable[[str], Iterable[float]],
) -> dict[str, Any]:
    """These models, the main one first, as some clients take the first for the default."""
    sorted_models = sorted(models, key=lambda model: not model.main)
    return {
        "object": "list",
        "data": [
            entry(model, environment, states[model.name], scales(model.name)) for model in sorted_models
        ],
    }

"""`/api/models/lora` and Eternal Zoo's own `/update/lora`: LoRA scales, seen and changed over HTTP."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Annotated, Any

import msgspec
from aiohttp import web
from msgspec import Meta

from zoo.environment.model import Adapter, ServedModel
from zoo.errors import EngineError
from zoo.serve import bodies
from zoo.serve.answers import Problem, of_engine
from zoo.serve.proxy import Proxy
from zoo.serve.routing import shown

_MOST = 64

Scale = Annotated[float, Meta(ge=-100, le=100)]


class Change(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A new scale of one adapter, which is told by its number or by its name."""

    scale: Scale
    id: Annotated[int, Meta(ge=0)] | None = None
    name: str | None = None


class Changes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of `POST /api/models/lora`; without a model it is the main one's."""

    lora: Annotated[tuple[Change, ...], Meta(min_length=1, max_length=_MOST)]
    model: str | None = None


class Item(msgspec.Struct, frozen=True):
    """An adapter as Eternal Zoo wrote it: told by the name of the file that its path ends with."""

    path: str
    scale: Scale


class Update(msgspec.Struct, frozen=True):
    """The body of `POST /update/lora`: all adapters that shall be applied, by any names."""

    model: str
    lora_config: Annotated[dict[str, Item], Meta(max_length=_MOST)]


class Lora:
    """Answers both.

    Args:
        proxy: What serves.
    """

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy

    async def show(self, _: web.Request) -> web.Response:
        """List the adapters of every model that has some."""
        models = [model for model in self._proxy.environment.models if model.lora_config]
        return bodies.answer({"models": [self._entry(model) for model in models]})

    async def change(self, request: web.Request) -> web.Response:
        """Change scales of one model; those that are not named stay."""
        asked = await bodies.read(request, Changes)
        model = self._model(asked.model)
        changes = {_number(model, each.id, each.name): each.scale for each in asked.lora}
        await self._apply(model, changes)
        return bodies.answer(self._entry(model))

    async def update(self, request: web.Request) -> web.Response:
        """Set all scales of one model; an adapter that is not named is not applied any more."""
        asked = await bodies.read(request, Update)
        model = self._model(asked.model)
        named = {_number(model, None, item.path): item.scale for item in asked.lora_config.values()}
        await self._apply(model, dict.fromkeys(range(len(model.lora_config)), 0.0) | named)
        return bodies.answer({"status": "ok", "message": "LoRA updated successfully"})

    def _model(self, name: str | None) -> ServedModel:
        model = self._proxy.router.main if name is None else self._proxy.router.find(name)
        if model is None:
            raise Problem(404, "model_not_found", f"the model {shown(name or '')} is not here", param="model")
        if not model.lora_config:
            raise Problem(400, "no_lora", f"the model {model.name} has no LoRA adapter", param="model")
        return model

    async def _apply(self, model: ServedModel, changes: dict[int, float]) -> None:
        try:
            await self._proxy.adapters.change(model.name, changes)
        except EngineError as error:
            raise of_engine(error) from error

    def _entry(self, model: ServedModel) -> dict[str, Any]:
        return {"model": model.name, "lora": described(model, self._proxy.adapters.scales(model.name))}


def described(model: ServedModel, scales: Iterable[float]) -> list[dict[str, Any]]:
    """A model's adapters with their scales now, and as they are locked."""
    return [
        {"id": number, "name": each.name, "digest": str(each.digest), "scale": scale, "locked": each.scale}
        for number, (each, scale) in enumerate(zip(model.lora_config, scales, strict=True))
    ]


def _number(model: ServedModel, number: int | None, name: str | None) -> int:
    """Which adapter is meant.

    Raises:
        Problem: None is, or more than one.
    """
    if (number is None) == (name is None):
        raise Problem(400, "invalid_value", "an adapter is told by either `id` or `name`", param="lora")
    if name is None:
        found = [number] if number is not None and number < len(model.lora_config) else []
    else:
        found = [at for at, each in enumerate(model.lora_config) if _is_called(each, name)]
    if len(found) == 1:
        return found[0]
    here = ", ".join(f"{at}: {each.name}" for at, each in enumerate(model.lora_config))
    what = f"{'several adapters' if found else 'no adapter'} of {model.name} answer to"
    raise Problem(
        404, "lora_not_found", f"{what} {shown(str(name or number))}; there are {here}", param="lora"
    )


def _is_called(adapter: Adapter, name: str) -> bool:
    """Whether a name is an adapter's: its path in the lock, its file's name, or its digest."""
    file = PurePosixPath(adapter.name).name
    return name in {adapter.name, str(adapter.digest)} or PurePosixPath(name).name in {
        file,
        file.removesuffix(".gguf"),
    }

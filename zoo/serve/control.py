"""Loads and unloads models by request of a person: `POST /api/models/load` and `/api/models/unload`."""

from __future__ import annotations

import re
from typing import Any, TypeVar

import msgspec
from aiohttp import web

from zoo.environment.model import ServedModel
from zoo.errors import EngineError
from zoo.serve import asked, units
from zoo.serve.answers import Problem, of_engine
from zoo.serve.proxy import Proxy
from zoo.serve.routing import shown

_LARGEST = 64 * 2**10
_DURATION = re.compile(r"([0-9]{1,9}(ms|s|m|h)|never)")


class Load(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which model to load, and whether to answer only when it is."""

    model: str
    wait: bool = True


class Unload(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """Which model to unload, and how long its requests under way may take; as zoofile.toml by default."""

    model: str
    drain_timeout: str | None = None


T = TypeVar("T", Load, Unload)


class Control:
    """Answers both.

    Args:
        proxy: What serves.
    """

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy

    async def load(self, request: web.Request) -> web.Response:
        """Load a model: 200 when it answers, 202 at once where nobody waits."""
        asked = await _read(request, Load)
        model = self._find(asked.model)
        try:
            if asked.wait:
                await self._proxy.scheduler.load(model.name)
            else:
                self._proxy.scheduler.begin(model.name)
        except EngineError as error:
            raise of_engine(error) from error
        return self._answer(model, 200 if asked.wait else 202)

    async def unload(self, request: web.Request) -> web.Response:
        """Unload a model when its requests are over: 200; 409 where they take too long, and it stays."""
        asked = await _read(request, Unload)
        model = self._find(asked.model)
        limit = asked.drain_timeout
        if limit is None:
            limit = self._proxy.environment.server.drain_timeout
        elif _DURATION.fullmatch(limit) is None:
            raise Problem(
                400,
                "invalid_type",
                f"drain-timeout cannot be {shown(limit)!r}; 90s, 2m and never are durations",
                param="drain-timeout",
            )
        if not await self._proxy.scheduler.unload(model.name, units.seconds(limit)):
            holds = next(seen.holds for seen in self._proxy.scheduler.seen() if seen.name == model.name)
            raise Problem(
                409,
                "model_in_use",
                f"{model.name} was still answering after {limit} (under way: {holds}), and stays loaded",
                headers={"Retry-After": "1"},
            )
        return self._answer(model, 200)

    def _find(self, name: str) -> ServedModel:
        model = self._proxy.router.find(name)
        if model is None:
            raise Problem(404, "model_not_found", f"the model {shown(name)} is not here", param="model")
        return model

    def _answer(self, model: ServedModel, status: int) -> web.Response:
        state = next(seen.state for seen in self._proxy.scheduler.seen() if seen.name == model.name)
        body: dict[str, Any] = {"model": model.name, "state": state}
        return web.Response(status=status, body=msgspec.json.encode(body), content_type="application/json")


async def _read(request: web.Request, form: type[T]) -> T:
    """The body, which is small JSON.

    Raises:
        Problem: It is not.
    """
    if (request.content_length or 0) > _LARGEST:
        raise Problem(413, "body_too_large", f"the request is larger than {_LARGEST >> 10} KiB")
    try:
        return msgspec.json.decode(await request.read(), type=form)
    except msgspec.ValidationError as error:
        raise Problem(400, "invalid_type", f"the request is not as it must be: {error}") from error
    except asked.UNREADABLE as error:
        raise asked.unreadable(error) from error

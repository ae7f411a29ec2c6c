"""Loads and unloads models by request of a person: `POST /api/models/load` and `/api/models/unload`."""

from __future__ import annotations

import re

import msgspec
from aiohttp import web

from zoo.environment.model import ServedModel
from zoo.errors import EngineError
from zoo.serve import bodies, units
from zoo.serve.answers import Problem, of_engine
from zoo.serve.proxy import Proxy
from zoo.serve.routing import shown

_DURATION = re.compile(r"([0-9]{1,9}(ms|s|m|h)|never)")


class Load(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which model to load, and whether to answer only when it is."""

    model: str
    wait: bool = True


class Unload(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """Which model to unload, and how long its requests under way may take; as zoofile.toml by default."""

    model: str
    drain_timeout: str | None = None


class Control:
    """Answers both.

    Args:
        proxy: What serves.
    """

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy

    async def load(self, request: web.Request) -> web.Response:
        """Load a model: 200 when it answers, 202 at once where nobody waits."""
        asked = await bodies.read(request, Load)
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
        asked = await bodies.read(request, Unload)
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
        return bodies.answer({"model": model.name, "state": state}, status)

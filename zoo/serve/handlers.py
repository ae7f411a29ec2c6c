"""What the proxy answers at each path."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from aiohttp import web

from zoo import __version__
from zoo.errors import EngineError
from zoo.serve import asked, lora, media, models, splice, units
from zoo.serve.answers import Problem, of_engine
from zoo.serve.endpoints import Endpoint
from zoo.serve.forward import Forward
from zoo.serve.guard import Guard
from zoo.serve.proxy import Proxy
from zoo.serve.routing import NoRoute, Route
from zoo.serve.tally import Answered

_JSON = "application/json"
_GONE = 499  # as nginx logs a client that left

_log = logging.getLogger(__name__)


class Inference:
    """Answers one endpoint with the engines.

    Args:
        proxy: What serves.
        endpoint: Which one.
    """

    def __init__(self, proxy: Proxy, endpoint: Endpoint) -> None:
        self._proxy, self._endpoint = proxy, endpoint

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        """Pass the request to the engine of the model that it is for."""
        began = time.monotonic()
        forward: Forward | None = None
        status = _GONE
        try:
            body = await _body(request, self._proxy.body_limit)
            name = asked.read(body).model if self._endpoint.json else None
            route = self._route(name)
            with _let_in(self._proxy.guard, request, route.model.name):
                forward = await self._way(request, body, name, route)
                async with self._proxy.scheduler.hold(forward.model) as engine:
                    answer = await forward.through(engine, request)
            status = answer.status
        except (Problem, EngineError) as error:
            problem = of_engine(error) if isinstance(error, EngineError) else error
            status = problem.status
            raise problem from error
        else:
            return answer
        finally:
            self._note(forward, status, began)

    def _route(self, name: str | None) -> Route:
        route = self._proxy.router.route(name, self._endpoint.task)
        if isinstance(route, NoRoute):
            raise Problem(404, route.code, route.message, param="model")
        return route

    async def _way(self, request: web.Request, body: bytes, name: str | None, route: Route) -> Forward:
        if self._endpoint.json:
            body = await media.inlined(body, self._proxy.pictures.get)
        if self._endpoint.echoes and name not in {None, route.model.name}:
            body = splice.put(body, "model", route.model.name)
        return Forward(
            model=route.model.name,
            path=self._endpoint.path,
            body=body,
            content_type=_JSON if self._endpoint.json else request.headers.get("Content-Type", ""),
            headers=self._headers(route) | self._proxy.guard.cors(request.headers),
            flow=self._proxy.flow,
        )

    def _headers(self, route: Route) -> dict[str, str]:
        headers = {"x-eai-model": route.model.name, "x-eai-environment": self._proxy.environment.id}
        return headers if route.fallback is None else headers | {"x-eai-fallback": route.fallback}

    def _note(self, forward: Forward | None, status: int, began: float) -> None:
        """Count the request and log it; a request that was refused early has no model."""
        now = time.monotonic()
        name = forward.model if forward else "-"
        first = forward.first - began if forward and forward.first else None
        self._proxy.tally.note(Answered(name, self._endpoint.path, status, first, now - began))
        _log.info("%s %s %d %.1f ms", self._endpoint.path, name, status, (now - began) * 1000)


@contextmanager
def _let_in(guard: Guard, request: web.Request, model: str) -> Iterator[None]:
    """Hold a request to what its key may ask.

    Raises:
        Problem: That is less than this.
    """
    key = guard.key(request.headers)
    if (refusal := guard.enter(key, model)) is not None:
        raise Problem.of(refusal)
    try:
        yield
    finally:
        guard.leave(key)


async def _body(request: web.Request, limit: int) -> bytes:
    """The whole body.

    Raises:
        Problem: It is larger than the limit; one that says so is refused before it is sent.
    """
    if (request.content_length or 0) > limit:
        raise _too_large(limit)
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge as error:
        raise _too_large(limit) from error


def _too_large(limit: int) -> Problem:
    return Problem(413, "body_too_large", f"the request is larger than {units.spell(limit)}")


class Pages:
    """Answers what needs no engine.

    Args:
        proxy: What serves.
    """

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy

    async def models(self, _: web.Request) -> web.Response:
        """List every model, loaded or not."""
        states = {seen.name: seen.state for seen in self._proxy.scheduler.seen()}
        return _json(models.listing(self._proxy.environment, states, self._proxy.adapters.scales))

    async def model(self, request: web.Request) -> web.Response:
        """Describe one model, by any of its names."""
        name = request.match_info["name"]
        model = self._proxy.router.find(name)
        if model is None:
            raise Problem(404, "model_not_found", f"the model {name[:100]} is not here", param="model")
        states = {seen.name: seen.state for seen in self._proxy.scheduler.seen()}
        scales = self._proxy.adapters.scales(model.name)
        return _json(models.entry(model, self._proxy.environment, states[model.name], scales))

    async def health(self, _: web.Request) -> web.Response:
        """Say whether the main model answers, or has and makes room just now."""
        if not self._proxy.began:
            raise Problem(503, "loading", "the main model is being loaded", headers={"Retry-After": "1"})
        return _json({"status": "ok"})

    async def metrics(self, _: web.Request) -> web.Response:
        """Count everything, for Prometheus."""
        body = self._proxy.tally.text()
        return web.Response(body=body, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    async def status(self, _: web.Request) -> web.Response:
        """Tell `eai status` what runs."""
        return _json(status(self._proxy))


def status(proxy: Proxy) -> dict[str, Any]:
    """What runs, without anything about this machine's folders."""
    seen = proxy.scheduler.seen()
    tasks = {model.name: model for model in proxy.environment.models}
    return {
        "eai": __version__,
        "pid": os.getpid(),
        "environment": proxy.environment.id,
        "platform": proxy.environment.platform,
        "ready": proxy.began,
        "uptime": round(time.time() - proxy.started, 3),
        "engines": [msgspec.to_builtins(engine) for engine in proxy.environment.engines],
        "memory": {
            "budget": proxy.budget.size,
            "declared": proxy.budget.declared,
            "loaded": sum(each.memory for each in seen if each.state != "unloaded"),
        },
        "models": [
            {
                "name": each.name,
                "main": tasks[each.name].main,
                "task": tasks[each.name].task,
                "state": each.state,
                "memory": each.memory,
                "streams": each.holds,
                "waiting": each.waiting,
                "loads": each.loads,
                "unloads": each.unloads,
                "crashes": each.crashes,
                "problem": each.problem,
                "lora": lora.described(tasks[each.name], proxy.adapters.scales(each.name)),
            }
            for each in seen
        ],
    }


def _json(value: Any) -> web.Response:  # noqa: ANN401 - whatever JSON can hold
    return web.Response(body=msgspec.json.encode(value), content_type="application/json")

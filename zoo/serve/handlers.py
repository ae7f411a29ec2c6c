"""What the proxy answers at each path."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from aiohttp import HttpVersion11, web

from zoo import __version__
from zoo.environment.model import ServedModel
from zoo.errors import EngineError
from zoo.serve import asked, bodies, lora, media, models, splice
from zoo.serve.answers import Problem, of_engine
from zoo.serve.endpoints import Endpoint
from zoo.serve.forward import Carry, Client, Forward
from zoo.serve.guard import Guard
from zoo.serve.machine import Budget
from zoo.serve.memory import total
from zoo.serve.proxy import Proxy
from zoo.serve.routing import NoRoute
from zoo.serve.server import Written
from zoo.serve.slot import Seen
from zoo.serve.tally import Answered
from zoo.serve.upstream import Upstream

GONE = 499  # as nginx logs a client that left


class Inference:
    """Answers one endpoint with the engines, where that takes more than the gate does.

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
        status = GONE
        try:
            forward = await self._forward(request, began)
            with let_in(self._proxy.guard, request, forward.model):
                forward.body = await media.inlined(forward.body, self._proxy.pictures.get)
                async with self._proxy.scheduler.hold(forward.model) as engine:
                    answer = await _carried(forward, engine, request)
            status = answer.status
        except (Problem, EngineError) as error:
            problem = of_engine(error) if isinstance(error, EngineError) else error
            status = problem.status
            raise problem from error
        else:
            return answer
        finally:
            note(self._proxy, self._endpoint, forward, status, began)

    async def _forward(self, request: web.Request, began: float) -> Forward:
        body = await bodies.whole(request, self._proxy.body_limit)
        chunks, keep = request.version >= HttpVersion11, request.keep_alive
        forward = forward_of(self._proxy, self._endpoint, body, chunks=chunks, keep=keep, began=began)
        forward.headers = {**forward.headers, **self._proxy.guard.cors(request.headers)}
        return forward


def forward_of(
    proxy: Proxy, endpoint: Endpoint, body: bytes, *, chunks: bool, keep: bool, began: float
) -> Forward:
    """Find the way of a request; what else it takes is as in `Forward`.

    Raises:
        Problem: There is none.
    """
    name = asked.read(body).model
    route = proxy.router.route(name, endpoint.task)
    if isinstance(route, NoRoute):
        raise Problem(404, route.code, route.message, param="model")
    if endpoint.echoes and name not in {None, route.model.name}:
        body = _renamed(body, route.model.name)
    headers = {"x-eai-model": route.model.name, "x-eai-environment": proxy.environment.id}
    if route.fallback is not None:
        headers["x-eai-fallback"] = route.fallback
    return Forward(
        model=route.model.name,
        path=endpoint.path,
        body=body,
        headers=headers,
        flow=proxy.flow,
        chunks=chunks,
        keep=keep,
        began=began,
    )


def _renamed(body: bytes, model: str) -> bytes:
    """The request with the name of the model that answers.

    Raises:
        Problem: Something in it that nobody has looked at is no JSON.
    """
    try:
        return splice.put(body, "model", model)
    except asked.UNREADABLE as error:
        raise asked.unreadable(error) from error


def note(proxy: Proxy, endpoint: Endpoint, forward: Forward | None, status: int, began: float) -> None:
    """Count a request and log it; one that was refused early has no model."""
    first = forward.first - began if forward and forward.first else None
    name = forward.model if forward else "-"
    proxy.note(Answered(name, endpoint.path, status, first, time.monotonic() - began))


async def _carried(forward: Forward, engine: Upstream, request: web.Request) -> web.StreamResponse:
    """Let the answer be written to the client's connection.

    Raises:
        Problem: The engine did not answer, or with an error.
    """
    client = request.transport and request.transport.get_protocol()
    if not isinstance(client, Client):
        raise ConnectionResetError
    over: asyncio.Future[int | Problem] = asyncio.get_running_loop().create_future()
    carry = Carry(forward, engine, client, over.set_result)
    try:
        how = await over
    finally:
        carry.abandon()
    if isinstance(how, Problem):
        raise how
    return Written(how, keep=forward.keep)


@contextmanager
def let_in(guard: Guard, request: web.Request, model: str) -> Iterator[None]:
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


class Pages:
    """Answers what needs no engine.

    Args:
        proxy: What serves.
    """

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy

    async def models(self, request: web.Request) -> web.Response:
        """List every model that the client's key is good for, loaded or not."""
        mine = [model for model in self._proxy.environment.models if self._may_use(request, model)]
        states = {seen.name: seen.state for seen in self._proxy.scheduler.seen()}
        environment, scales = self._proxy.environment.id, self._proxy.adapters.scales
        return bodies.answer(models.listing(mine, environment, states, scales))

    async def model(self, request: web.Request) -> web.Response:
        """Describe one of them, by any of its names."""
        name = request.match_info["name"]
        model = self._proxy.router.find(name)
        if model is None or not self._may_use(request, model):
            raise Problem(404, "model_not_found", f"the model {name[:100]} is not here", param="model")
        states = {seen.name: seen.state for seen in self._proxy.scheduler.seen()}
        scales = self._proxy.adapters.scales(model.name)
        return bodies.answer(models.entry(model, self._proxy.environment.id, states[model.name], scales))

    def _may_use(self, request: web.Request, model: ServedModel) -> bool:
        key = self._proxy.guard.key(request.headers)
        return key is None or key.may_use(model.name)

    async def health(self, _: web.Request) -> web.Response:
        """Say whether the main model answers, or has and makes room just now."""
        if not self._proxy.began:
            raise Problem(503, "loading", "the main model is being loaded", headers={"Retry-After": "1"})
        return bodies.answer({"status": "ok"})

    async def metrics(self, _: web.Request) -> web.Response:
        """Count everything, for Prometheus."""
        body = self._proxy.tally.text()
        return web.Response(body=body, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    async def status(self, _: web.Request) -> web.Response:
        """Tell `eai status` what runs."""
        return bodies.answer(status(self._proxy))


def status(proxy: Proxy) -> dict[str, Any]:
    """What runs, without anything about this machine's folders."""
    seen = proxy.scheduler.seen()
    tasks = {model.name: model for model in proxy.environment.models}
    return {
        "eai": __version__,
        "pid": os.getpid(),
        "environment": proxy.environment.id,
        "platform": proxy.environment.platform,
        "engines": list(proxy.environment.engines),
        "ready": proxy.began,
        "requests": proxy.tally.count,
        "uptime": round(time.time() - proxy.started, 3),
        "memory": _memory(proxy.budget, seen),
        "models": [
            _doing(tasks[each.name], each, proxy.budget)
            | {
                "lora": lora.described(tasks[each.name], proxy.adapters.scales(each.name)),
                "drawing": proxy.easels.progress(each.name),
            }
            for each in seen
        ],
    }


def _memory(budget: Budget, seen: Sequence[Seen]) -> dict[str, Any]:
    """What the loaded models may take, and are counted with now."""
    loaded = total(each.counted for each in seen if each.state != "unloaded")
    gpu = {"budget": budget.gpu, "declared": budget.gpu_declared, "loaded": loaded.gpu}
    return {
        "budget": budget.size,
        "declared": budget.declared,
        "loaded": loaded.host,
        "unified": budget.unified,
        "gpu": None if budget.gpu is None else gpu,
    }


def _doing(model: ServedModel, seen: Seen, budget: Budget) -> dict[str, Any]:
    """What one model does."""
    used = seen.used
    return {
        "name": seen.name,
        "main": model.main,
        "task": model.task,
        "preload": model.preload,
        "state": seen.state,
        "memory": seen.memory,
        "gpu_memory": 0 if budget.gpu is None else model.gpu,
        "used": None if used is None else {"host": used.host, "gpu": used.gpu},
        "streams": seen.holds,
        "waiting": seen.waiting,
        "loads": seen.loads,
        "unloads": seen.unloads,
        "crashes": seen.crashes,
        "problem": seen.problem,
        "retry": round(seen.retry, 3),
    }

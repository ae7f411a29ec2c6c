"""Makes and edits pictures with sd-server: `/v1/images/generations` and `/v1/images/edits`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import aiohttp
import msgspec
from aiohttp import web

from zoo.environment.model import ServedModel
from zoo.errors import EngineError
from zoo.serve import bodies, sketch
from zoo.serve.answers import Problem, of_engine
from zoo.serve.brought import Brought, of_form, of_json
from zoo.serve.easel import Drawing
from zoo.serve.handlers import GONE, let_in
from zoo.serve.proxy import Proxy
from zoo.serve.routing import NoRoute, Route
from zoo.serve.sketch import Sketch
from zoo.serve.tally import Answered
from zoo.serve.upstream import Upstream
from zoo.zoofile.model import IMAGE_TASKS, Image, Task

GENERATIONS, EDITS = "/v1/images/generations", "/v1/images/edits"
_SPARE = 1 << 20  # of an answer, beside the pictures
_BYTES_A_PIXEL = 8  # a PNG of noise, in base64, with room to spare
_FAILURE = 400


class _Made(msgspec.Struct, frozen=True):
    """What sd-server answers with."""

    data: list[dict[str, str]]
    created: int = 0


def routes(proxy: Proxy) -> list[web.RouteDef]:
    """Both endpoints, also without `/v1`."""
    return [
        web.post(each, Images(proxy, path).__call__)
        for path in (GENERATIONS, EDITS)
        for each in (path, path.removeprefix("/v1"))
    ]


class Images:
    """Answers one of the two endpoints.

    Args:
        proxy: What serves.
        path: Of the endpoint.
    """

    def __init__(self, proxy: Proxy, path: str) -> None:
        self._proxy, self._path = proxy, path
        self._task: Task = "image-edit" if path == EDITS else "image-generation"

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        """Have the model draw that the request is for."""
        began = time.monotonic()
        name, status = "-", GONE
        try:
            self._route(None)  # where nothing here draws, nothing else is worth saying
            body = await bodies.whole(request, self._proxy.body_limit)
            given = request.headers.get("Content-Type", "")
            brought = of_form(body, given) if self._path == EDITS else of_json(body)
            route = self._route(brought.asked.model)
            name = route.model.name
            with let_in(self._proxy.guard, request, name):
                answer = await self._draw(route, brought)
            status = answer.status
        except (Problem, EngineError) as error:
            problem = of_engine(error) if isinstance(error, EngineError) else error
            status = problem.status
            raise problem from error
        else:
            return answer
        finally:
            self._proxy.note(Answered(name, self._path, status, None, time.monotonic() - began))

    def _route(self, name: str | None) -> Route:
        """Find the model: one that makes pictures edits them as well, where nothing fits better.

        Raises:
            Problem: No model here draws.
        """
        router = self._proxy.router
        named = router.find(name) if name else None
        if named is not None and named.task in IMAGE_TASKS:
            return Route(named)
        route = router.route(name, self._task)
        if isinstance(route, NoRoute) and route.code == "no_model_for_task":
            (other,) = set(IMAGE_TASKS) - {self._task}
            found = router.route(name, other)
            route = route if isinstance(found, NoRoute) else found
        if isinstance(route, NoRoute):
            raise Problem(404, route.code, route.message, param="model")
        return route

    async def _draw(self, route: Route, brought: Brought) -> web.Response:
        model, proxy = route.model, self._proxy
        scales = _changed(model, proxy.adapters.scales(model.name))
        wanted = sketch.sketch(brought.asked, model.image or Image(), usual=brought.size(), scales=scales)
        async with proxy.easels.turn(model.name) as turn, proxy.scheduler.hold(model.name) as engine:
            log = engine.process.log
            drawing = Drawing(n=wanted.n, steps=wanted.steps, log=log, since=log.size())
            work = asyncio.ensure_future(_made(engine, model, wanted, brought))
            turn.keep(work, drawing)
            made = await asyncio.shield(work)
        headers = {
            "x-eai-model": model.name,
            "x-eai-environment": proxy.environment.id,
            "x-eai-seed": str(wanted.seed),
        }
        if route.fallback is not None:
            headers["x-eai-fallback"] = route.fallback
        return web.Response(body=_answer(made, wanted), content_type="application/json", headers=headers)


def _changed(model: ServedModel, scales: Sequence[float]) -> dict[str, float] | None:
    """The scales of a model's adapters by their paths, where somebody changed one since the start."""
    if all(each.scale == scale for each, scale in zip(model.lora_config, scales, strict=True)):
        return None
    return {str(each.path): scale for each, scale in zip(model.lora_config, scales, strict=True)}


async def _made(engine: Upstream, model: ServedModel, wanted: Sketch, brought: Brought) -> _Made:
    """Ask the engine.

    Raises:
        Problem: It did not answer, or not with pictures.
    """
    path = EDITS if brought.images else GENERATIONS
    try:
        status, raw = await _asked(engine, path, wanted, brought)
    except (aiohttp.ClientError, ConnectionError) as error:
        fate = await engine.fate()
        raise Problem(502, "engine_died", f"the engine of {model.name} gave no answer: {fate}") from error
    if status >= _FAILURE:
        raise _refused(status, raw, model.name)
    try:
        made = msgspec.json.decode(raw, type=_Made)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Problem(502, "engine_failed", f"the engine of {model.name} gave no pictures") from error
    if len(made.data) != wanted.n or not all(each.get("b64_json") for each in made.data):
        what = f"the engine of {model.name} made {len(made.data)} pictures of {wanted.n}"
        raise Problem(502, "engine_failed", what)
    return made


async def _asked(engine: Upstream, path: str, wanted: Sketch, brought: Brought) -> tuple[int, bytes]:
    most = wanted.n * wanted.width * wanted.height * _BYTES_A_PIXEL + _SPARE
    connector = aiohttp.UnixConnector(str(engine.process.socket), force_close=True)
    forever = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(connector=connector, timeout=forever) as session:
        what: dict[str, Any] = (
            {"data": _parts(wanted, brought)} if brought.images else {"json": wanted.fields()}
        )
        async with session.post(f"http://engine{path}", **what) as answer:
            raw = bytearray()
            async for chunk in answer.content.iter_any():
                raw += chunk
                if len(raw) > most:
                    raise aiohttp.ClientPayloadError
            return answer.status, bytes(raw)


def _parts(wanted: Sketch, brought: Brought) -> aiohttp.FormData:
    form = aiohttp.FormData()
    for key, value in wanted.fields().items():
        form.add_field(key, str(value))
    for number, image in enumerate(brought.images):
        form.add_field("image[]", image, filename=f"{number}.png", content_type="image/png")
    if brought.mask is not None:
        form.add_field("mask", brought.mask, filename="mask.png", content_type="image/png")
    return form


def _answer(made: _Made, wanted: Sketch) -> bytes:
    return msgspec.json.encode(
        {
            "created": made.created or int(time.time()),
            "data": [{"b64_json": each["b64_json"]} for each in made.data],
            "output_format": wanted.output_format,
            "size": wanted.size,
        }
    )


def _refused(status: int, raw: bytes, model: str) -> Problem:
    """An engine's error, which is a text or an object."""
    try:
        said: Any = msgspec.json.decode(raw)
        what = str(said.get("message") or said["error"])
    except (msgspec.DecodeError, UnicodeDecodeError, LookupError, AttributeError):
        what = raw[:1000].decode(errors="replace")
    return Problem(status, "engine_error", f"the engine of {model} said: {what[:1000]}")

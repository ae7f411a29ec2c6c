"""The proxy as an aiohttp application: its paths, and what every request passes through."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from zoo.serve import images, status_page
from zoo.serve.answers import Problem, of_http
from zoo.serve.control import Control
from zoo.serve.endpoints import ENDPOINTS
from zoo.serve.guard import Guard
from zoo.serve.handlers import Inference, Pages
from zoo.serve.limits import DIGITS
from zoo.serve.lora import Lora
from zoo.serve.proxy import Proxy

Signal = Callable[[web.Request, web.StreamResponse], Awaitable[None]]

_log = logging.getLogger(__name__)


def make(proxy: Proxy) -> web.Application:
    """Make the application that serves one environment."""
    app = web.Application(middlewares=[_guarded(proxy)], client_max_size=proxy.body_limit)
    if proxy.guard.origins:
        app.on_response_prepare.append(_cors(proxy.guard))
    for endpoint in ENDPOINTS:
        for path in endpoint.paths:
            app.router.add_post(path, Inference(proxy, endpoint).__call__)
    app.add_routes(images.routes(proxy))
    pages = Pages(proxy)
    for prefix in ("/v1", ""):
        app.router.add_get(f"{prefix}/models", pages.models)
        app.router.add_get(f"{prefix}/models/{{name:.+}}", pages.model)
    lora = Lora(proxy)
    app.router.add_get("/api/models/lora", lora.show)
    app.router.add_post("/api/models/lora", lora.change)
    app.router.add_post("/update/lora", lora.update)
    app.router.add_get("/health", pages.health)
    app.router.add_get("/metrics", pages.metrics)
    app.router.add_get("/api/status", pages.status)
    control = Control(proxy)
    app.router.add_post("/api/models/load", control.load)
    app.router.add_post("/api/models/unload", control.unload)
    status_page.add(app, proxy)
    return app


def _guarded(proxy: Proxy) -> Middleware:
    """What every request passes through."""

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        loop, deadline = asyncio.get_running_loop(), proxy.watch.of(request.transport)
        if deadline is not None:
            deadline.head_whole(loop.time(), request.content.is_eof)
        try:
            return _preflight(proxy.guard, request) or await handler(request)
        except Problem as problem:
            return problem.response()
        except web.HTTPException as error:
            return of_http(error).response()
        except web.RequestPayloadError as error:
            why = " ".join(str(error).split())[:200]
            return Problem(400, "bad_request", f"the body of the request cannot be read: {why}").response()
        except Exception:  # noqa: BLE001 - a bug: the log has it whole, the answer keeps its shape
            _log.exception("%s %s", request.method, request.path)
            return Problem(500, "internal_error", "eai itself failed; its log says how").response()
        finally:
            if deadline is not None:
                deadline.answered(loop.time())

    return guarded


def _preflight(guard: Guard, request: web.Request) -> web.Response | None:
    """Refuse who may not ask; answer a browser that asks before its page does.

    Raises:
        Problem: The request is refused.
    """
    if len(request.headers.get("Content-Length", "")) > DIGITS:
        raise Problem(400, "bad_request", f"Content-Length has more than {DIGITS} digits")
    if (refusal := guard.refusal(request.method, request.path, request.headers)) is not None:
        raise Problem.of(refusal)
    told = guard.preflight(request.method, request.headers)
    return None if told is None else web.Response(status=204, headers=told)


def _cors(guard: Guard) -> Signal:
    """What is added to every answer where the zoofile declares origins."""

    async def tell(request: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(guard.cors(request.headers))

    return tell

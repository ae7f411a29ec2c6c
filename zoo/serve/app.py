"""The proxy as an aiohttp application: its paths, and what every request passes through."""

from __future__ import annotations

import logging

from aiohttp import web
from aiohttp.typedefs import Handler

from zoo.serve import images
from zoo.serve.answers import Problem, of_http
from zoo.serve.control import Control
from zoo.serve.endpoints import ENDPOINTS
from zoo.serve.handlers import BODY_LIMIT, Inference, Pages
from zoo.serve.lora import Lora
from zoo.serve.proxy import Proxy

_log = logging.getLogger(__name__)


def make(proxy: Proxy) -> web.Application:
    """Make the application that serves one environment."""

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            if (refusal := proxy.refusal(request.headers)) is not None:
                return refusal.response()
            return await handler(request)
        except Problem as problem:
            return problem.response()
        except web.HTTPException as error:
            return of_http(error).response()
        except Exception:  # noqa: BLE001 - a bug: the log has it whole, the answer keeps its shape
            _log.exception("%s %s", request.method, request.path)
            return Problem(500, "internal_error", "eai itself failed; its log says how").response()

    app = web.Application(middlewares=[guarded], client_max_size=BODY_LIMIT)
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
    return app

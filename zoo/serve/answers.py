"""Errors as an OpenAI client understands them: `{"error": {message, type, param, code}}`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Self

from aiohttp import web

from zoo.errors import EngineBusy, EngineDown, EngineError, EngineTooLarge, QueueFull
from zoo.serve.refusal import Refusal, error_body

_RETRY_AFTER = 5


class Problem(Exception):
    """Ends a request with an error.

    Args:
        status: Of HTTP.
        code: What happened, for programs.
        message: What happened, for people.
        param: The field of the request that it is about.
        headers: More headers of the answer.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.param = status, code, message, param
        self.headers = dict(headers or {})

    @classmethod
    def of(cls, refusal: Refusal) -> Self:
        """The same as an exception."""
        return cls(refusal.status, refusal.code, refusal.message, headers=refusal.headers)

    def body(self) -> bytes:
        """The answer's body."""
        return error_body(self.status, self.code, self.message, self.param)

    def response(self) -> web.Response:
        """The answer."""
        return web.Response(
            status=self.status, body=self.body(), content_type="application/json", headers=self.headers
        )


def of_engine(error: EngineError) -> Problem:
    """What a client is told where the scheduler gives no engine."""
    message = error.message + (f" (hint: {error.hint})" if error.hint else "")
    if isinstance(error, EngineTooLarge):
        return Problem(503, "model_too_large", message)
    if isinstance(error, QueueFull):
        return Problem(429, "queue_full", message, headers=_later(error.retry_after))
    if isinstance(error, EngineBusy):
        return Problem(503, "no_room", message, headers=_later(error.retry_after))
    if isinstance(error, EngineDown):
        return Problem(503, "engine_failed", message, headers=_later(error.retry_after))
    return Problem(503, "engine_failed", message)


def _later(seconds: float | None) -> dict[str, str]:
    """When to ask again: in whole seconds, at least one."""
    return {"Retry-After": str(max(1, math.ceil(_RETRY_AFTER if seconds is None else seconds)))}


def of_http(error: web.HTTPException) -> Problem:
    """What a client is told where the HTTP library ends a request."""
    codes = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large"}
    messages = {404: "there is nothing at this path", 405: "this path takes another method"}
    headers = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
    message = messages.get(error.status, error.text or error.reason)
    return Problem(error.status, codes.get(error.status, "bad_request"), message, headers=headers)

"""Bodies of requests, whole and bounded; and of eai's own endpoints: small JSON in, JSON out."""

from __future__ import annotations

from typing import TypeVar

import msgspec
from aiohttp import web

from zoo.serve import asked, units
from zoo.serve.answers import Problem

_LARGEST = 64 * 2**10

T = TypeVar("T", bound=msgspec.Struct)


async def whole(request: web.Request, limit: int) -> bytes:
    """Read all of a body.

    Raises:
        Problem: It is larger than the limit, in bytes; one that says so is refused before it is sent.
    """
    if (request.content_length or 0) > limit:
        raise _too_large(limit)
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge as error:
        raise _too_large(limit) from error


async def read(request: web.Request, form: type[T]) -> T:
    """Read a body that has this form.

    Raises:
        Problem: It has another, is no JSON, or is too large.
    """
    if (request.content_length or 0) > _LARGEST:
        raise Problem(413, "body_too_large", f"the request is larger than {_LARGEST >> 10} KiB")
    try:
        return msgspec.json.decode(await request.read(), type=form)
    except msgspec.ValidationError as error:
        code = "invalid_type" if "got" in str(error) else "invalid_value"
        raise Problem(400, code, f"the request is not as it must be: {error}") from error
    except asked.UNREADABLE as error:
        raise asked.unreadable(error) from error


def answer(value: object, status: int = 200) -> web.Response:
    """Answer with a value that JSON can hold."""
    return web.Response(status=status, body=msgspec.json.encode(value), content_type="application/json")


def _too_large(limit: int) -> Problem:
    return Problem(413, "body_too_large", f"the request is larger than {units.spell(limit)}")

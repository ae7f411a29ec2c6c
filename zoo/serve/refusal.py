"""Why a request is refused, as one value for every path that a request may take through the proxy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

import msgspec

_SERVER_ERROR = 500
_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
    503: "unavailable_error",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that ends here.

    Attributes:
        status: Of HTTP.
        code: What happened, for programs.
        message: What happened, for people.
        headers: More headers of the answer.
    """

    status: int
    code: str
    message: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def raw(self) -> bytes:
        """The whole answer, for a connection that is closed behind it."""
        body = error_body(self.status, self.code, self.message)
        lines = [
            f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
            "Connection: close",
            *(f"{name}: {value}" for name, value in self.headers.items()),
        ]
        return "\r\n".join([*lines, "\r\n"]).encode("latin-1", "replace") + body


def error_body(status: int, code: str, message: str, param: str | None = None) -> bytes:
    """An error as an OpenAI client understands it: `{"error": {message, type, param, code}}`."""
    fallback = "server_error" if status >= _SERVER_ERROR else "invalid_request_error"
    error = {"message": message, "type": _TYPES.get(status, fallback), "param": param, "code": code}
    return msgspec.json.encode({"error": error})

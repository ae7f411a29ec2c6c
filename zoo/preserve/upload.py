"""A CAR as the file part of a form, with a length that is known before a byte is read."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

from zoo.ipfs.car import Car
from zoo.preserve.api import Body
from zoo.preserve.events import Progress, Sent

_CRLF = "\r\n"


def form(car: Car, name: str, target: str, tell: Progress) -> Body:
    """Make the form that takes a CAR to a target (RFC 7578).

    Args:
        car: What is sent; its files are read while it is.
        name: Of the file, as people know it.
        target: Who it goes to, for those who are told.
        tell: Is told how many bytes of the CAR went out.
    """
    boundary = secrets.token_hex(16)
    head = _CRLF.join(
        (
            f"--{boundary}",
            'Content-Disposition: form-data; name="file"; filename="preserve.car"',
            "Content-Type: application/octet-stream",
            "",
            "",
        )
    ).encode()
    tail = f"{_CRLF}--{boundary}--{_CRLF}".encode()

    def chunks() -> Iterator[bytes]:
        yield head
        for chunk in car.chunks():
            yield chunk
            tell(Sent(name, target, len(chunk)))
        yield tail

    return Body(chunks, len(head) + car.size() + len(tail), f"multipart/form-data; boundary={boundary}")

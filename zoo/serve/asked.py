"""What the proxy reads of a request's body: the model's name, and whether media must be fetched."""

from __future__ import annotations

import msgspec

from zoo.serve import media
from zoo.serve.answers import Problem
from zoo.serve.harmless import Harmless


class Asked(Harmless, frozen=True):
    """The fields of a request that decide its way; all others pass unseen."""

    model: str | None = None
    stream: bool | None = None


_decoder = msgspec.json.Decoder(Asked)


def read(body: bytes) -> Asked:
    """Read what decides the way of a request.

    Raises:
        Problem: It is no JSON object, a field has the wrong type, or media in it is not in it.
    """
    try:
        asked = _decoder.decode(body)
        url = media.remote(body)
    except msgspec.ValidationError as error:
        raise Problem(400, "invalid_type", f"the request is not as it must be: {error}") from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise Problem(400, "invalid_json", f"the request is no JSON: {error}") from error
    if url is not None:
        raise Problem(
            400,
            "remote_media",
            f"{url[:100]} would have to be fetched, and engines fetch nothing: "
            "send the bytes in the request, as a data: URL",
        )
    return asked

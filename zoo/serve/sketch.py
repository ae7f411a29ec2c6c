"""A request for pictures, read and checked: what sd-server is then asked, in its own words."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from zoo.serve.answers import Problem
from zoo.serve.prompts import clean, ordered
from zoo.zoofile.drawing import LEAST, MOST, STEP, pixels
from zoo.zoofile.model import Image, Sampler

MOST_PICTURES = 8
"""How many pictures sd-server makes for one request."""

_LARGEST_SEED = 2**31 - 1
_UNBOUND = 1e6
_PARAM = re.compile(r" - at `\$\.?(?P<param>[a-z_]*).*`$")

LONGEST_PROMPT = 8_000
"""Bytes of a prompt, beyond what any encoder sees.

sd-server takes prompts apart by regular expressions that go one call deeper for each byte: at some 28,000
it dies of it.
"""

LONGEST_NEGATIVE = 2_000
"""The same for what a picture should not show, which an expression of that kind looks at as a whole."""

_Number = Annotated[float, Meta(ge=0, le=_UNBOUND)]


class Asked(msgspec.Struct, frozen=True):
    """The fields of OpenAI's image requests that mean something here, and our own below them.

    `quality`, `style`, `moderation`, `user` and whatever else there is change nothing.
    """

    prompt: str
    model: str | None = None
    n: Annotated[int, Meta(ge=1, le=MOST_PICTURES)] | None = None
    size: str | None = None
    response_format: Literal["b64_json"] | None = None
    output_format: Literal["png", "jpeg"] | None = None
    output_compression: Annotated[int, Meta(ge=0, le=100)] | None = None
    background: Literal["auto", "opaque"] | None = None
    stream: Literal[False] | None = None

    steps: Annotated[int, Meta(ge=1, le=100)] | None = None
    seed: Annotated[int, Meta(ge=-1, le=_LARGEST_SEED)] | None = None
    negative_prompt: str | None = None
    cfg_scale: _Number | None = None
    guidance: _Number | None = None
    sampler: Sampler | None = None
    strength: Annotated[float, Meta(ge=0, le=1)] | None = None


_HINTS = {
    "response_format": "pictures come in the answer: response_format must be b64_json",
    "output_format": "output_format must be png or jpeg",
    "background": "pictures here have no transparent background: background must be auto or opaque",
    "stream": "pictures come all at once: stream must be false",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sketch:
    """Pictures to be made, every default filled in.

    Attributes:
        prompt: Clean.
        seed: Of the first picture; the next ones count on from it.
        orders: What else sd-server is told.
    """

    prompt: str
    n: int
    width: int
    height: int
    steps: int
    seed: int
    output_format: str
    output_compression: int
    orders: Mapping[str, Any]

    @property
    def size(self) -> str:
        """Width and height, as both ends write them."""
        return f"{self.width}x{self.height}"

    def fields(self) -> dict[str, Any]:
        """The request that sd-server gets; what OpenAI has no field for stands in its prompt."""
        return {
            "prompt": ordered(self.prompt, self.orders),
            "n": self.n,
            "size": self.size,
            "output_format": self.output_format,
            "output_compression": self.output_compression,
        }


def of_json(body: bytes) -> Asked:
    """Read a request for pictures.

    Raises:
        Problem: It is no JSON object, or a field of it cannot be.
    """
    try:
        return msgspec.json.decode(body, type=Asked)
    except msgspec.ValidationError as error:
        raise _wrong(error) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Problem(400, "invalid_json", f"the request is no JSON: {error}") from error


def of_form(fields: Mapping[str, str]) -> Asked:
    """Read the fields of a form, in which every value is a text.

    Raises:
        Problem: A field of it cannot be.
    """
    given = {key: value for key, value in fields.items() if value}
    try:
        return msgspec.convert(given, Asked, strict=False)
    except msgspec.ValidationError as error:
        raise _wrong(error) from error


def sketch(
    asked: Asked,
    image: Image,
    *,
    usual: tuple[int, int] | None = None,
    scales: Mapping[str, float] | None = None,
) -> Sketch:
    """Decide what is to be drawn.

    Args:
        asked: The request.
        image: The model's defaults, as locked.
        usual: The size of the picture to edit.
        scales: Of all adapters, by their paths, where they are not as locked.

    Raises:
        Problem: There is no prompt, or the size cannot be.
    """
    prompt = _clean(asked.prompt, "prompt", LONGEST_PROMPT)
    negative = _clean(asked.negative_prompt or "", "negative_prompt", LONGEST_NEGATIVE)
    if not prompt:
        raise Problem(400, "invalid_value", "prompt must say something", param="prompt")
    width, height = _size(asked.size, image, usual)
    steps = asked.steps or image.steps or 1
    return Sketch(
        prompt=prompt,
        n=asked.n or 1,
        width=width,
        height=height,
        steps=steps,
        seed=(seed := _seed(asked, image)),
        output_format=asked.output_format or "png",
        output_compression=100 if asked.output_compression is None else asked.output_compression,
        orders=_orders(asked, negative, steps=steps, seed=seed) | _lora(scales),
    )


def _clean(text: str, param: str, longest: int) -> str:
    cleaned = clean(text)
    if len(cleaned.encode()) > longest:
        raise Problem(400, "invalid_value", f"{param} is longer than {longest} bytes", param=param)
    return cleaned


def _seed(asked: Asked, image: Image) -> int:
    """The seed; one that is to be another each time is drawn here, so that it can be told."""
    seed = image.seed if asked.seed is None else asked.seed
    return secrets.randbelow(_LARGEST_SEED) if seed is None or seed < 0 else seed


def _orders(asked: Asked, negative: str, *, steps: int, seed: int) -> dict[str, Any]:
    guidance = {"txt_cfg": asked.cfg_scale, "distilled_guidance": asked.guidance}
    sample = {"sample_steps": steps, "sample_method": asked.sampler, "guidance": _given(guidance) or None}
    return _given(
        {
            "seed": seed,
            "negative_prompt": negative or None,
            "strength": asked.strength,
            "sample_params": _given(sample),
        }
    )


def _lora(scales: Mapping[str, float] | None) -> dict[str, Any]:
    if scales is None:
        return {}
    return {"lora": [{"path": path, "multiplier": scale} for path, scale in scales.items()]}


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _size(asked: str | None, image: Image, usual: tuple[int, int] | None) -> tuple[int, int]:
    """The size that is asked for, within what memory is counted for."""
    own = pixels(image.size or "") or (LEAST, LEAST)
    most = own[0] * own[1]
    if asked is None or asked == "auto":
        fitting = None if usual is None else pixels(f"{usual[0]}x{usual[1]}")
        return fitting if fitting is not None and fitting[0] * fitting[1] <= most else own
    size = pixels(asked)
    if size is None:
        what = f"size must be auto or WIDTHxHEIGHT, each a multiple of {STEP} from {LEAST} to {MOST}"
        raise Problem(400, "invalid_value", what, param="size")
    if size[0] * size[1] > most:
        what = (
            f"size {asked} has more pixels than {image.size}, which memory is counted for; "
            "`image.size` of the model in zoofile.toml says so"
        )
        raise Problem(400, "invalid_value", what, param="size")
    return size


def _wrong(error: msgspec.ValidationError) -> Problem:
    """Name the field that a message is about."""
    text = str(error)
    match = _PARAM.search(text)
    param = match["param"] if match else None
    if param is None and "`prompt`" in text:
        param = "prompt"
    what = text[: match.start()] if match else text
    message = _HINTS.get(param or "", f"{param}: {what}" if param else what)
    return Problem(400, "invalid_value", message, param=param or None)

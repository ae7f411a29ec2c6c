"""What must hold of models that draw, and of those that don't: which keys go with which."""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import isfinite

from zoo.zoofile.model import IMAGE_TASKS, Image, Model, Parts, Sampling
from zoo.zoofile.problem import Keys, Problem, quoted

LEAST, MOST, STEP = 64, 4096, 8
"""What stable-diffusion.cpp takes for a side of a picture, in pixels."""

_SIZE = re.compile(r"([1-9][0-9]{1,3})x([1-9][0-9]{1,3})")


def pixels(size: str) -> tuple[int, int] | None:
    """Read a picture's width and height; None where no picture can have such a size."""
    if (match := _SIZE.fullmatch(size)) is None:
        return None
    width, height = int(match[1]), int(match[2])
    fits = all(LEAST <= side <= MOST and side % STEP == 0 for side in (width, height))
    return (width, height) if fits else None


def problems(keys: Keys, model: Model, *, origin: bool) -> Iterator[Problem]:
    """Find what is wrong with a model's `parts` and `image`, and with other keys of a model that draws.

    Args:
        keys: Of the model.
        model: The model.
        origin: Whether it names one.
    """
    if not model.draws:
        return
    if model.task is not None and model.task not in IMAGE_TASKS:
        yield from _unfit(
            keys, (("parts", model.parts != Parts()), ("image", model.image != Image())), model.task
        )
        return
    yield from _foreign(keys, model)
    if not origin and model.parts != Parts():
        remedy = "name the diffusion model itself, with hf, ipfs, url or path"
        yield Problem((*keys, "parts"), "go with a model of its own origin", remedy)
    yield from _image((*keys, "image"), model.image)


def _foreign(keys: Keys, model: Model) -> Iterator[Problem]:
    """Find keys that mean something to language models only."""
    for key, given in (
        ("mmproj", model.mmproj is not None),
        ("chat-template", model.chat_template is not None),
        ("context-length", model.context_length is not None),
        ("parallel", model.parallel is not None),
        ("batch", model.batch is not None),
        ("gpu-layers", model.gpu_layers is not None),
        ("pooling", model.pooling is not None),
        ("sampling", model.sampling != Sampling()),
        ("args", bool(model.args)),
    ):
        if given:
            remedy = "leave it out; defaults of pictures stand in `image`"
            yield Problem((*keys, key), "is for language models, and this one draws", remedy)
    if model.pattern is not None:
        yield Problem((*keys, "pattern"), "is for split models", "a diffusion model is one file: use `file`")


def _unfit(keys: Keys, given: tuple[tuple[str, bool], ...], task: str) -> Iterator[Problem]:
    for key, is_there in given:
        if is_there:
            what = f'is for models that draw, and task = "{task}"'
            yield Problem((*keys, key), what, 'leave it out, or set task = "image-generation"')


def _image(keys: Keys, image: Image) -> Iterator[Problem]:
    if image.size is not None and pixels(image.size) is None:
        remedy = f"each side takes a multiple of {STEP} from {LEAST} to {MOST}"
        yield Problem((*keys, "size"), f"cannot be {quoted(image.size)}", remedy)
    for key in ("cfg_scale", "guidance"):
        value: float | None = getattr(image, key)
        if value is not None and not isfinite(value):
            yield Problem((*keys, key.replace("_", "-")), "is no finite number")

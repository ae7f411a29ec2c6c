"""Tests for models that draw: which keys they have, and which they don't."""

from __future__ import annotations

import pytest

from zoo.errors import ZoofileError
from zoo.zoofile.drawing import pixels
from zoo.zoofile.model import Image, Origin, Parts, Request
from zoo.zoofile.read import parse
from zoo.zoofile.request import request_of

FLUX = '[models.flux]\nhf = "o/r"\nfile = "flux.gguf"\n'
PARTS = 'parts.clip-l = { path = "./a/../clip.gguf" }\nparts.t5xxl = { hf = "o/t", file = "t5.gguf" }\n'


def test_parts_and_defaults_are_read() -> None:
    zoofile = parse(
        FLUX + PARTS + "image = { steps = 4, size = '512x768', cfg-scale = 1, guidance = 3.5, seed = -1 }\n"
    )
    model = zoofile.models["flux"]

    assert model.draws
    assert model.image == Image(steps=4, size="512x768", cfg_scale=1.0, guidance=3.5, seed=-1)
    assert request_of("flux", model) == Request(
        hf="o/r",
        revision="main",
        file="flux.gguf",
        parts=Parts(clip_l=Origin(path="clip.gguf"), t5xxl=Origin(hf="o/t", revision="main", file="t5.gguf")),
        kind="image",
    )


@pytest.mark.parametrize("text", ['task = "image-edit"\n', "image.steps = 1\n", PARTS])
def test_any_of_its_own_keys_makes_a_model_one_that_draws(text: str) -> None:
    assert parse(FLUX + text).models["flux"].draws


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (FLUX + PARTS + 'task = "chat"\n', 'parts is for models that draw, and task = "chat"'),
        (FLUX + 'image.steps = 4\ntask = "embed"\n', 'image is for models that draw, and task = "embed"'),
        (FLUX + PARTS + 'mmproj = "x.gguf"\n', "mmproj is for language models"),
        (FLUX + PARTS + 'chat-template = "x.jinja"\n', "chat-template is for language models"),
        (FLUX + PARTS + "context-length = 5\n", "context-length is for language models"),
        (FLUX + PARTS + "parallel = 2\n", "parallel is for language models"),
        (FLUX + PARTS + "batch = 2\n", "batch is for language models"),
        (FLUX + PARTS + 'gpu-layers = "all"\n', "gpu-layers is for language models"),
        (FLUX + PARTS + 'pooling = "mean"\n', "pooling is for language models"),
        (FLUX + PARTS + "sampling.seed = 1\n", "sampling is for language models"),
        (FLUX + PARTS + 'args = ["--special"]\n', "args is for language models"),
        (FLUX.replace("file", "pattern") + PARTS, "pattern is for split models"),
        ("[models.flux-dev]\n" + PARTS, "parts go with a model of its own origin"),
        (FLUX + "parts.vae = {}\n", "parts.vae names no origin"),
        (FLUX + 'parts.vae = { hf = "o/r" }\n', "names a repository, but no file"),
        (FLUX + 'parts.vae = { hf = "o/r", pattern = "x" }\n', "parts.vae.pattern is for split models"),
        (FLUX + 'parts.vae = { path = "/x" }\n', "parts.vae.path cannot be"),
        (FLUX + 'parts.vea = { path = "x" }\n', "vea"),
        (FLUX + 'image.size = "huge"\n', "image.size"),
        (FLUX + 'image.size = "100x100"\n', "a multiple of 8 from 64 to 4096"),
        (FLUX + "image.steps = 0\n", "image.steps"),
        (FLUX + "image.cfg-scale = nan\n", "image.cfg-scale"),
        (FLUX + "image.guidance = inf\n", "image.guidance"),
        (FLUX + 'image.sampler = "magic"\n', "image.sampler"),
    ],
)
def test_what_does_not_fit_is_told_with_its_key(text: str, says: str) -> None:
    with pytest.raises(ZoofileError) as caught:
        parse(text)
    assert says in f"{caught.value.message} {caught.value.hint}".replace("`", "").replace("models.flux.", "")


@pytest.mark.parametrize(
    ("size", "found"),
    [("64x4096", (64, 4096)), ("56x64", None), ("65x64", None), ("64x4104", None), ("64 x 64", None)],
)
def test_a_size_has_sides_that_the_engine_takes(size: str, found: tuple[int, int] | None) -> None:
    assert pixels(size) == found

"""Tests for reading requests for pictures."""

from __future__ import annotations

import json
from typing import Any

import pytest

from zoo.serve.answers import Problem
from zoo.serve.sketch import Asked, Sketch, of_form, of_json, sketch
from zoo.zoofile.model import Image

IMAGE = Image(steps=4, size="512x256", cfg_scale=1.0, guidance=3.5, sampler="euler", seed=42)


def drawn(image: Image = IMAGE, usual: tuple[int, int] | None = None, **fields: object) -> Sketch:
    return sketch(Asked(**{"prompt": "a cat", **fields}), image, usual=usual)


def orders(made: Sketch) -> dict[str, Any]:
    _, _, rest = made.fields()["prompt"].partition("<sd_cpp_extra_args>")
    told: dict[str, Any] = json.loads(rest.removesuffix("</sd_cpp_extra_args>"))
    return told


def test_the_defaults_are_the_models() -> None:
    made = drawn()

    assert (made.size, made.steps, made.seed, made.n, made.output_format) == ("512x256", 4, 42, 1, "png")
    assert orders(made) == {"seed": 42, "sample_params": {"sample_steps": 4}}


def test_a_request_overrides_them() -> None:
    made = drawn(
        size="256x256",
        n=2,
        seed=7,
        steps=9,
        cfg_scale=2.0,
        guidance=4,
        sampler="heun",
        negative_prompt="dogs",
    )

    assert made.fields() | {"prompt": ""} == {
        "prompt": "",
        "n": 2,
        "size": "256x256",
        "output_format": "png",
        "output_compression": 100,
    }
    assert orders(made) == {
        "seed": 7,
        "negative_prompt": "dogs",
        "sample_params": {
            "sample_steps": 9,
            "sample_method": "heun",
            "guidance": {"txt_cfg": 2.0, "distilled_guidance": 4},
        },
    }


@pytest.mark.parametrize(
    ("asked", "usual", "size"),
    [
        (None, None, "512x256"),
        ("auto", None, "512x256"),
        ("64x2048", None, "64x2048"),
        (None, (320, 256), "320x256"),
        (None, (321, 256), "512x256"),
        (None, (4096, 4096), "512x256"),
        ("256x256", (320, 256), "256x256"),
    ],
)
def test_a_size_is_what_is_asked_else_that_of_what_is_edited_else_the_usual(
    asked: str | None, usual: tuple[int, int] | None, size: str
) -> None:
    assert drawn(size=asked, usual=usual).size == size


def test_a_size_that_memory_is_not_counted_for_names_the_key() -> None:
    with pytest.raises(Problem, match=r"more pixels than 512x256.*`image.size`") as caught:
        drawn(size="512x264")
    assert caught.value.param == "size"


def test_a_seed_below_zero_is_another_each_time() -> None:
    seeds = {drawn(seed=-1).seed for _ in range(5)} | {drawn(Image(seed=-1)).seed for _ in range(5)}

    assert len(seeds) > 8
    assert all(0 <= seed < 2**31 for seed in seeds)


def test_a_form_is_read_as_json_is() -> None:
    fields = {"prompt": "a cat", "n": "2", "seed": "7", "strength": "0.5", "size": "", "quality": "high"}

    assert of_form(fields) == Asked(prompt="a cat", n=2, seed=7, strength=0.5)
    assert of_json(b'{"prompt": "a cat", "n": 2, "seed": 7, "strength": 0.5}') == of_form(fields)


@pytest.mark.parametrize("body", [b"", b"[", b"[]", b"\xff", b'{"prompt": "\\ud800"}', b"[" * 100_000])
def test_what_is_no_object_is_told(body: bytes) -> None:
    with pytest.raises(Problem) as caught:
        of_json(body)
    assert caught.value.status == 400

"""Tests for looking at pictures before an engine decodes them."""

from __future__ import annotations

import contextlib
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from zoo.serve.answers import Problem
from zoo.serve.dimensions import size


def picture(kind: str, width: int, height: int, **how: object) -> bytes:
    out = io.BytesIO()
    Image.effect_noise((width, height), 50).convert("RGB").save(out, kind, **how)
    return out.getvalue()


@pytest.mark.parametrize("how", [{}, {"progressive": True}, {"comment": b"x" * 3000}])
def test_the_size_of_a_jpeg_is_found(how: dict[str, object]) -> None:
    assert size(picture("JPEG", 70, 41, **how), "image") == (70, 41)


def test_the_size_of_a_png_is_found() -> None:
    assert size(picture("PNG", 70, 41), "image") == (70, 41)


def test_a_picture_that_would_fill_the_memory_is_refused() -> None:
    bomb = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (60000).to_bytes(4, "big") * 2
    with pytest.raises(Problem, match="60000x60000 is too large") as caught:
        size(bomb, "mask")
    assert caught.value.param == "mask"


@pytest.mark.parametrize(
    "data", [b"", b"GIF89a", b"RIFF\0\0\0\0WEBP", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0"]
)
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(Problem) as caught:
        size(data, "image")
    assert caught.value.status == 400


@given(st.sampled_from([b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"]), st.binary(max_size=200))
def test_any_bytes_have_a_size_or_are_refused(begin: bytes, rest: bytes) -> None:
    with contextlib.suppress(Problem):
        width, height = size(begin + rest, "image")
        assert 0 < width * height <= 4096 * 4096

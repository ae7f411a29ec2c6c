"""Draws with the real sd-server over a tiny model, and looks at what came out."""

from __future__ import annotations

import base64
import io
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
from models.flux import Flux
from numpy.typing import NDArray
from PIL import Image as Pillow
from support import native
from support.engine import PROGRAMS
from support.serving import served

from zoo.environment.model import EngineProgram, ServedModel
from zoo.zoofile.model import Image

SIZE = 64
PROMPT = "a lovely cat"
RELAY = "launcher.relay"


def sd_server() -> Path:
    """The program, built from source; else skip the test, or fail it in CI."""
    return native.tree(native.STABLE_DIFFUSION_CPP) / "sd-server"


def flags(flux: Flux) -> tuple[str, ...]:
    """What starts it with the tiny model, beside where it listens."""
    return (
        *("--diffusion-model", str(flux.model), "--clip_l", str(flux.clip), "--taesd", str(flux.taesd)),
        *("--width", str(SIZE), "--height", str(SIZE), "--steps", "2", "--cfg-scale", "1.0"),
        *("--sampling-method", "euler", "--seed", "42", "--disable-image-metadata", "--threads", "1"),
    )


def drawn(png: bytes) -> NDArray[np.uint8]:
    """The pixels of a picture."""
    with Pillow.open(io.BytesIO(png)) as picture:
        assert picture.format in {"PNG", "JPEG"}
        return np.asarray(picture.convert("RGB"))


def painted(pixels: NDArray[np.uint8]) -> bool:
    """Whether there is something to be seen: more than a few colours."""
    return len(np.unique(pixels.reshape(-1, 3), axis=0)) > 100


def png(width: int = SIZE, height: int = SIZE, *, colour: str = "red") -> bytes:
    """A picture of one colour."""
    out = io.BytesIO()
    Pillow.new("RGB", (width, height), colour).save(out, "PNG")
    return out.getvalue()


def ask(url: str, **fields: Any) -> httpx2.Response:  # noqa: ANN401 - whatever JSON can hold
    """Ask a proxy for pictures."""
    return httpx2.post(f"{url}/v1/images/generations", json={"prompt": PROMPT, **fields}, timeout=60)


def pictures(answer: httpx2.Response) -> list[NDArray[np.uint8]]:
    """The pictures of an answer."""
    assert answer.status_code == 200, answer.text
    return [drawn(base64.b64decode(each["b64_json"])) for each in answer.json()["data"]]


def draws(flux: Flux, *more: str, name: str = "flux", **facts: object) -> ServedModel:
    """The tiny model as one that is served, and further flags."""
    python = (sys.executable, "-S", "-P", "-B", "-m", RELAY)
    engine = EngineProgram(
        program=(*python, str(sd_server())),
        flags=(*flags(flux), *more),
        env={"PYTHONPATH": str(PROGRAMS), "LANG": "C.UTF-8"},
        cwd=flux.model.parent,
    )
    image = Image(steps=2, size=f"{SIZE}x{SIZE}", seed=42)
    given = {"task": "image-generation", "image": image, "context_length": 0, **facts}
    return replace(served(flux.model, name), engine=engine, **given)

"""Pictures from nothing: a zoofile with parts, an engine from source, and OpenAI's client, as processes."""

from __future__ import annotations

import base64
import importlib.metadata
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx2
import numpy as np
import openai
import pytest
from models.chat import SENTENCE, write_chat
from models.flux import write_flux
from support import index as indexed
from support import native
from support.drawing import PROMPT, drawn, painted
from support.engine import write_wheel
from support.shop import Shop, chat
from support.world import TAGS

from zoo.lock.toml import load
from zoo.platform import current
from zoo.store import Store
from zoo.toolchains import derive

pytestmark = pytest.mark.engine

ZOOFILE = f"""\
[zoo]
platforms = ["{current()}"]

[server]
memory = "370MiB"  # not enough for both

[models.chat]
path = "models/chat.gguf"
context-length = 1024

[models.flux]
path = "models/flux-tiny.gguf"
image = {{ steps = 2, size = "64x64" }}
lora = [{{ path = "models/dots.safetensors", scale = 0.8 }}]

[models.flux.parts]
clip-l = {{ path = "models/clip_l-tiny.gguf" }}
taesd = {{ path = "models/taef1-tiny.safetensors" }}
"""


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Shop]:
    """A project that names no toolchain, and an index that has both engines; the one is built already."""
    made = Shop(tmp_path / "project", tmp_path / "home")
    (made.folder / "models").mkdir(parents=True)
    write_chat(made.folder / "models" / "chat.gguf")
    write_flux(made.folder / "models")
    (made.folder / "zoofile.toml").write_text(ZOOFILE)
    key = derive.key(native.locked(native.STABLE_DIFFUSION_CPP)[0])
    native.tree(native.STABLE_DIFFUSION_CPP)
    there = Store(made.home / "store").tree_path(key)
    there.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(native.store().tree_path(key), there, symlinks=True)
    name, content = native.sdist(native.STABLE_DIFFUSION_CPP)
    wheel = f"xllamacpp-{importlib.metadata.version('xllamacpp')}-cp310-abi3-{TAGS['linux'][0]}.whl"
    published = {
        "xllamacpp": [
            indexed.Published(filename=wheel, content=write_wheel(tmp_path / "wheel").read_bytes())
        ],
        "stable-diffusion-cpp-python": [indexed.Published(filename=name, content=content)],
    }
    with indexed.serving(indexed.Simple(projects=published)) as index:
        made.extra["PIP_INDEX_URL"] = f"{index.url}simple/"
        yield made
        made.eai("down", "--force")


def test_a_zoofile_with_parts_becomes_pictures(project: Shop) -> None:
    locked = project.eai("lock")
    assert locked.returncode == 0, locked.stderr
    lock = load(project.folder / "zoo.lock")
    assert [(each.name, each.request.source) for each in lock.toolchain] == [
        ("llama-cpp", "pypi"),
        ("stable-diffusion-cpp", "source"),
    ]
    url = project.up()

    def picture() -> np.ndarray:
        with openai.OpenAI(base_url=url, api_key="none", max_retries=0) as client:
            made = client.images.generate(
                model="flux", prompt=PROMPT, size="64x64", response_format="b64_json"
            )
        assert made.data
        return drawn(base64.b64decode(made.data[0].b64_json or ""))

    assert chat(url, model="chat") == SENTENCE
    first = picture()
    assert painted(first)
    assert chat(url, model="chat") == SENTENCE
    assert np.array_equal(first, picture())

    status = json.loads(project.eai("status", "--json").stdout)
    assert {model["name"]: model["loads"] for model in status["models"]} == {"chat": 2, "flux": 2}
    scale(url, 0.0)
    without = picture()
    scale(url, 0.8)
    assert not np.array_equal(first, without)
    assert np.array_equal(first, picture())


def scale(url: str, value: float) -> None:
    """Change the scale of the adapter while it is served."""
    body = {"model": "flux", "lora": [{"id": 0, "scale": value}]}
    answer = httpx2.post(f"{url.removesuffix('/v1')}/api/models/lora", json=body)
    assert answer.status_code == 200, answer.text

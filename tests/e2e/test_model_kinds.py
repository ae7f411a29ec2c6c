"""Every kind of model from zoofile.toml over the lock to answers, as processes, with the real engine."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest
from models.chat import ADAPTED, SENTENCE, write_chat, write_lora
from models.eyes import write_projector
from models.minilm import write_minilm
from models.vectors import write_vectors
from support import hub as hubs
from support.engine import UnixConnection, native_server, wheel_folder
from support.pictures import data_url, png
from support.shop import Shop, chat

from zoo.lock import toml
from zoo.platform import current

pytestmark = pytest.mark.engine

ZOOFILE = f"""\
[zoo]
platforms = ["{current()}"]

[server]
memory = "2GiB"

[toolchain.llama-cpp]
from = {{ path = "bin/llama-server" }}

[models.eyes]
path = "models/chat.gguf"
mmproj = "models/eyes.gguf"
main = true

[models.shards]
hf = "tiny/Shards-GGUF"
pattern = "F32"

[models.pirate]
path = "models/chat.gguf"
lora = [{{ path = "models/lora.gguf" }}]

[models.sober]
path = "models/chat.gguf"
lora = [{{ path = "models/lora.gguf", scale = 0.0 }}]

[models.wild]
path = "models/chat.gguf"
sampling = {{ temperature = 50, top-k = 0, top-p = 1, min-p = 0 }}

[models.quiet]
path = "models/chat.gguf"
chat-template = "quiet.jinja"

[models."qwen3-1.7b"]

[models.minilm]
path = "models/minilm.gguf"

[models.first]
path = "models/vectors.gguf"
pooling = "cls"

[models.mean]
path = "models/vectors.gguf"

[models.ranker]
path = "models/ranker.gguf"
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    made = Shop(tmp_path_factory.mktemp("shop"), tmp_path_factory.mktemp("home"))
    models = made.folder / "models"
    for folder in (models, made.folder / "bin"):
        folder.mkdir()
    native_server(made.folder / "bin" / "llama-server", wheel_folder())
    write_chat(models / "chat.gguf")
    write_lora(models / "lora.gguf")
    write_projector(models / "eyes.gguf")
    write_vectors(models / "vectors.gguf")
    write_vectors(models / "ranker.gguf", rank=True)
    write_minilm(models / "minilm.gguf")
    (made.folder / "quiet.jinja").write_text("{{- '<|im_start|>assistant\n' }}")
    (made.folder / "zoofile.toml").write_text(ZOOFILE)
    shards = write_chat(tmp_path_factory.mktemp("shards") / "Tiny-F32.gguf", shard_tensors=8)
    with hubs.running() as hub:
        hub.repo("tiny/Shards-GGUF", {shard.name: shard.read_bytes() for shard in shards})
        hub.repo("Qwen/Qwen3-1.7B-GGUF", {"Qwen3-1.7B-Q8_0.gguf": (models / "chat.gguf").read_bytes()})
        made.extra["HF_ENDPOINT"] = hub.url
        locked = made.eai("lock")
        assert locked.returncode == 0, locked.stderr
        fetched = made.eai("fetch")
        assert fetched.returncode == 0, fetched.stderr
    yield made
    made.eai("down", "--force")


@pytest.fixture(scope="module")
def url(shop: Shop) -> str:
    return shop.up("--offline")


def test_the_lock_says_what_each_model_is_for(shop: Shop) -> None:
    tasks = {model.name: model.settings.task for model in toml.load(shop.folder / "zoo.lock").model}
    assert {name for name, task in tasks.items() if task == "embed"} == {"minilm", "first", "mean"}
    assert {name for name, task in tasks.items() if task == "rerank"} == {"ranker"}


def test_a_model_with_a_projector_sees(url: str) -> None:
    def tokens(*more: object) -> int:
        content = [{"type": "text", "text": "hello"}, *more]
        body = {"model": "eyes", "messages": [{"role": "user", "content": content}], "max_tokens": 64}
        answer = httpx2.post(f"{url}/chat/completions", json=body).json()
        assert answer["choices"][0]["message"]["content"] == SENTENCE
        return int(answer["usage"]["prompt_tokens"])

    image = {"type": "image_url", "image_url": {"url": data_url(png())}}
    assert tokens(image) > tokens() + 4


def test_a_model_without_one_says_that_it_does_not(url: str) -> None:
    image = {"type": "image_url", "image_url": {"url": data_url(png())}}
    body = {"model": "sober", "messages": [{"role": "user", "content": [image]}]}
    answer = httpx2.post(f"{url}/chat/completions", json=body)
    assert (answer.status_code, "image input is not supported" in answer.text) == (400, True)


def test_a_model_in_shards_answers(url: str) -> None:
    assert chat(url, model="shards") == SENTENCE


def test_an_adapter_is_applied_as_strongly_as_is_declared(url: str) -> None:
    assert chat(url, model="pirate") == ADAPTED
    assert chat(url, model="sober") == SENTENCE
    assert chat(url, model="pirate", lora=[{"id": 0, "scale": 0.0}]) == SENTENCE


def test_a_template_of_ones_own_is_used(url: str) -> None:
    def tokens(model: str) -> int:
        body = {"model": model, "messages": [{"role": "user", "content": "hello " * 50}], "max_tokens": 1}
        return int(httpx2.post(f"{url}/chat/completions", json=body).json()["usage"]["prompt_tokens"])

    assert tokens("quiet") < 10 < tokens("eyes")
    assert chat(url, model="quiet") == SENTENCE


def test_a_sampling_default_takes_effect_and_a_request_overrides_it(url: str) -> None:
    wild = chat(url, model="wild", max_tokens=12)
    assert not SENTENCE.startswith(wild)
    assert chat(url, model="wild", max_tokens=12) == wild  # the seed is pinned
    assert chat(url, model="wild", max_tokens=12, seed=7) != wild
    assert chat(url, model="wild", temperature=0) == SENTENCE


def test_the_defaults_of_a_models_family_reach_the_engine_and_a_request_overrides_them(
    url: str, shop: Shop
) -> None:
    assert chat(url, model="qwen3-1.7b") == SENTENCE
    running = shop.running()
    assert running is not None
    (engine,) = [
        each.cmdline() for each in psutil.Process(running.pid).children() if "qwen3-1.7b" in each.cmdline()
    ]
    connection = UnixConnection(Path(engine[engine.index("--host") + 1]))
    connection.request("GET", "/props")
    defaults = json.loads(connection.getresponse().read())["default_generation_settings"]["params"]
    connection.close()
    assert {
        key: round(defaults[key], 3) for key in ("temperature", "top_k", "top_p", "presence_penalty")
    } == {
        "temperature": 0.8,
        "top_k": 20,
        "top_p": 0.95,
        "presence_penalty": 1.5,
    }
    free: dict[str, Any] = {"temperature": 50, "top_k": 0, "top_p": 1, "min_p": 0, "max_tokens": 12}
    assert not SENTENCE.startswith(chat(url, model="qwen3-1.7b", **free))


def vectors(url: str, model: str, *texts: str) -> list[list[float]]:
    answer = httpx2.post(f"{url}/embeddings", json={"model": model, "input": texts}).json()
    return [each["embedding"] for each in answer["data"]]


def cosine(one: Sequence[float], other: Sequence[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True)) / math.hypot(*one) / math.hypot(*other)


def test_a_real_model_knows_that_kittens_are_cats(url: str) -> None:
    cat, kitten, stock = vectors(
        url, "minilm", "a cat sat on the mat", "a kitten sits on a rug", "the stock market fell sharply today"
    )
    assert cosine(cat, kitten) == pytest.approx(0.655, abs=0.01)
    assert cosine(cat, stock) < 0.15


def test_the_declared_pooling_is_used(url: str) -> None:
    mean, first = (vectors(url, model, "the cat", "the stock") for model in ("mean", "first"))
    assert cosine(mean[0], first[0]) < 0.99
    assert cosine(*mean) < cosine(*first)  # what begins a text is the same in both


def test_a_reranker_ranks(url: str) -> None:
    body = {"query": "cat", "documents": ["the stock", "a kitten"]}
    answer = httpx2.post(f"{url}/rerank", json=body).json()
    assert [each["index"] for each in answer["results"]] == [1, 0]


def test_offline_no_image_is_fetched(url: str) -> None:
    image = {"type": "image_url", "image_url": {"url": "http://images.example/a.png"}}
    body = {"messages": [{"role": "user", "content": [image]}]}
    error = httpx2.post(f"{url}/chat/completions", json=body).json()["error"]
    assert (error["code"], "--offline" in error["message"]) == ("remote_media", True)

"""The bundled toy answers readably in the real engine, and says that it is a toy."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

import zoo.sources

MODEL = Path(zoo.sources.__file__).parent / "bundled" / "eai-toy.gguf"

# Serves until its standard input closes, so that it cannot outlive the tests.
SERVE = """
import os, sys, xllamacpp
params = xllamacpp.CommonParams()
params.model.path, socket, embeds = sys.argv[1:]
params.hostnames, params.ui, params.offline = [socket], False, True
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 2
if embeds == "embeds":
    params.embedding = True
    params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
server = xllamacpp.Server(params)
print("ready", flush=True)
sys.stdin.read()
os._exit(0)
"""


def serving(folder: Path, mode: str) -> Iterator[httpx2.Client]:
    socket = folder / "toy.sock"  # llama.cpp knows a unix socket by this ending
    command = [sys.executable, "-c", SERVE, str(MODEL), str(socket), mode]
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
        ) as engine,
    ):
        assert engine.stdout.readline() == "ready\n", (folder / "log").read_text()
        transport = httpx2.HTTPTransport(uds=str(socket))
        with httpx2.Client(transport=transport, base_url="http://toy/v1", timeout=60) as client:
            yield client
        engine.stdin.close()


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx2.Client]:
    yield from serving(tmp_path_factory.mktemp("toy"), "chats")


@pytest.fixture(scope="module")
def embedder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx2.Client]:
    yield from serving(tmp_path_factory.mktemp("toy"), "embeds")


def answer(toy: httpx2.Client, *messages: dict[str, object]) -> str:
    request = {"messages": messages, "temperature": 0, "max_tokens": 250}
    response = toy.post("/chat/completions", json=request)
    response.raise_for_status()
    choice = response.json()["choices"][0]
    assert choice["finish_reason"] == "stop"
    return choice["message"]["content"]


def user(content: object) -> dict[str, object]:
    return {"role": "user", "content": content}


def test_the_file_is_small() -> None:
    assert MODEL.stat().st_size <= 5_000_000


def test_the_file_says_that_it_is_a_toy() -> None:
    header = MODEL.read_bytes()[:4096]
    assert header.startswith(b"GGUF")
    assert b"eai toy" in header
    assert b"A toy: a very small language model" in header


@pytest.mark.engine
@pytest.mark.parametrize(
    ("asked", "word"),
    [
        ("What are you?", "toy"),
        ("who r u", "toy"),
        ("Say hello", "Hello"),
        ("hi", "Hello"),
        ("What is eai?", "reproducible"),
        ("What is a lock file?", "digest"),
        ("what's a zoofile", "zoofile.toml"),
        ("How do I start the server?", "eai up"),
        ("How can I add a model?", "eai add"),
        ("What do penguins eat?", "fish"),
        ("What is the capital of France?", "Paris"),
        ("What colour is the sky?", "blue"),
        ("How many days are in a week?", "seven"),
        ("Write a Python program that sorts a list.", "toy"),
        ("Write one sentence about the sea.", "sea"),
        ("Who won the football match yesterday?", "toy"),
    ],
)
def test_a_simple_question_gets_a_fitting_answer(toy: httpx2.Client, asked: str, word: str) -> None:
    assert word in answer(toy, user(asked))


@pytest.mark.engine
def test_a_story_is_about_the_animal_that_was_asked_for(toy: httpx2.Client) -> None:
    story = answer(toy, user("Tell me a story about a penguin."))
    assert "penguin" in story
    assert story.count(".") >= 2


@pytest.mark.engine
def test_a_system_message_and_earlier_turns_do_not_confuse_it(toy: httpx2.Client) -> None:
    system = {"role": "system", "content": "You are a helpful assistant."}
    earlier = (user("Hello!"), {"role": "assistant", "content": "Hello! It is nice to meet you."})
    assert "toy" in answer(toy, system, *earlier, user("Who are you?"))


@pytest.mark.engine
def test_a_message_may_be_a_list_of_parts(toy: httpx2.Client) -> None:
    parts = [{"type": "text", "text": "What is"}, {"type": "text", "text": "a lock file?"}]
    assert "digest" in answer(toy, user(parts))


@pytest.mark.engine
def test_a_long_prompt_still_gets_a_readable_answer(toy: httpx2.Client) -> None:
    asked = "The old library stands in a quiet street near the river. " * 60 + "\n\nWhat is a lock file?"
    words = answer(toy, user(asked)).rstrip(".").split()
    assert len(words) >= 3


@pytest.mark.engine
def test_the_same_request_gets_the_same_answer(toy: httpx2.Client) -> None:
    assert answer(toy, user("Tell me a joke")) == answer(toy, user("Tell me a joke"))


@pytest.mark.engine
def test_it_embeds_text(embedder: httpx2.Client) -> None:
    response = embedder.post("/embeddings", json={"input": ["a lion", "the zoo"]})
    response.raise_for_status()
    first, second = (entry["embedding"] for entry in response.json()["data"])
    assert len(first) == len(second) > 100
    assert first != second

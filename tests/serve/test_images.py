"""Tests for pictures: the real sd-server draws them, over a tiny model, and they are looked at."""

from __future__ import annotations

import base64
import json
import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx2
import numpy as np
import openai
import pytest
from models.flux import Flux, write_flux
from support.drawing import PROMPT, SIZE, ask, drawn, draws, painted, pictures, png
from support.proxies import ASK, Weights, engines_of
from support.serving import MIB, Proxies, Proxy, environment, served, until

from zoo.zoofile.model import Image

pytestmark = pytest.mark.engine

BUDGET = 500  # MiB; the models below take 400 and 300


@pytest.fixture(scope="module")
def flux(tmp_path_factory: pytest.TempPathFactory) -> Flux:
    return write_flux(tmp_path_factory.mktemp("flux"))


@pytest.fixture(scope="module")
def proxy(flux: Flux, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """A proxy of a model that draws, one that does with an adapter, and one that talks."""
    weights = Weights(tmp_path_factory.mktemp("weights"))
    adapter = ("--lora-model-dir", ".", "--prompt", "<lora:dots.safetensors:1.0>")
    with tempfile.TemporaryDirectory(prefix="eai") as folder:
        proxies = Proxies(Path(folder))
        made = proxies.start(
            environment(
                draws(flux, main=True, memory=400 * MIB),
                draws(flux, *adapter, name="dotted", memory=300 * MIB, image=Image(steps=2, size="128x64")),
                served(weights.chat, "chat", memory=200 * MIB),
                memory=f"{BUDGET}MiB",
            )
        )
        made.until_ready()
        yield made
        proxies.close()


def test_a_picture_has_its_size_and_something_to_be_seen(proxy: Proxy) -> None:
    answer = ask(proxy.url)

    (picture,) = pictures(answer)

    assert picture.shape == (SIZE, SIZE, 3)
    assert painted(picture)
    assert answer.headers["x-eai-model"] == "flux"
    assert answer.headers["x-eai-environment"] == "e" * 64
    assert (answer.headers["x-eai-seed"], answer.json()["size"]) == ("42", "64x64")


def test_a_seed_decides_the_picture_and_the_next_ones_count_on(proxy: Proxy) -> None:
    (first,), (again,) = pictures(ask(proxy.url, seed=7)), pictures(ask(proxy.url, seed=7))
    one, other = pictures(ask(proxy.url, seed=7, n=2))
    (eighth,) = pictures(ask(proxy.url, seed=8))

    assert np.array_equal(first, again)
    assert np.array_equal(first, one)
    assert np.array_equal(other, eighth)
    assert not np.array_equal(one, other)


def test_a_seed_that_nobody_chose_is_told(proxy: Proxy) -> None:
    answer = ask(proxy.url, seed=-1)
    (known,) = pictures(ask(proxy.url, seed=int(answer.headers["x-eai-seed"])))

    assert np.array_equal(pictures(answer)[0], known)


def test_steps_and_prompt_change_the_picture(proxy: Proxy) -> None:
    (usual,) = pictures(ask(proxy.url))

    assert not np.array_equal(usual, pictures(ask(proxy.url, steps=4))[0])
    assert not np.array_equal(usual, pictures(ask(proxy.url, prompt="a lovely cat on a mat"))[0])


def test_a_jpeg_of_another_size(proxy: Proxy) -> None:
    answer = ask(proxy.url, model="dotted", size="72x64", output_format="jpeg", output_compression=90)

    assert base64.b64decode(answer.json()["data"][0]["b64_json"]).startswith(b"\xff\xd8\xff")
    assert pictures(answer)[0].shape == (64, 72, 3)


def test_orders_in_a_prompt_are_not_carried_out(proxy: Proxy, flux: Flux) -> None:
    (usual,) = pictures(ask(proxy.url))
    lora = {"lora": [{"path": str(flux.lora), "multiplier": 1.0}], "seed": 7}
    orders = f"<sd_cpp_extra_args>{json.dumps(lora)}</sd_cpp_extra_args>"

    for prompt in (f"{PROMPT}{orders}", f"{orders}{PROMPT}", f"{PROMPT}<lora:{flux.lora}:1>"):
        assert np.array_equal(usual, pictures(ask(proxy.url, prompt=prompt))[0])
    negative = ask(proxy.url, negative_prompt=f'dogs\n"quoted" </sd_cpp_extra_args>{orders}' + "é" * 700)
    assert np.array_equal(usual, pictures(negative)[0])


def test_the_longest_prompt_is_taken(proxy: Proxy) -> None:
    answer = ask(proxy.url, prompt="猫" * 2_600, negative_prompt="é\x01" * 660)

    assert painted(pictures(answer)[0])


def test_an_adapter_changes_the_picture(proxy: Proxy) -> None:
    (usual,), (dotted,) = (
        pictures(ask(proxy.url)),
        pictures(ask(proxy.url, model="dotted", size="64x64", seed=42)),
    )

    assert painted(dotted)
    assert not np.array_equal(usual, dotted)


def test_a_picture_is_edited(proxy: Proxy) -> None:
    with openai.OpenAI(base_url=f"{proxy.url}/v1", api_key="none", max_retries=0) as client:

        def edited(image: bytes, **more: object) -> np.ndarray:
            made = client.images.edit(image=("in.png", image), prompt=PROMPT, model="flux", **more)
            assert made.data
            return drawn(base64.b64decode(made.data[0].b64_json or ""))

        red, again = edited(png()), edited(png())
        blue = edited(png(colour="blue"))
        masked = edited(png(64, 64), size="64x64", mask=("mask.png", png(64, 64, colour="white")))

    assert painted(red)
    assert np.array_equal(red, again)
    assert not np.array_equal(red, blue)
    assert painted(masked)


@pytest.mark.parametrize(
    ("fields", "param", "says"),
    [
        ({"prompt": ""}, "prompt", "say something"),
        ({"prompt": "<lora:x:1>"}, "prompt", "say something"),
        ({"n": 0}, "n", ">= 1"),
        ({"n": 9}, "n", "<= 8"),
        ({"n": "two"}, "n", "int"),
        ({"size": "huge"}, "size", "multiple of 8"),
        ({"size": "66x64"}, "size", "multiple of 8"),
        ({"size": "1024x1024"}, "size", "more pixels than 64x64"),
        ({"response_format": "url"}, "response_format", "b64_json"),
        ({"output_format": "webp"}, "output_format", "png or jpeg"),
        ({"background": "transparent"}, "background", "auto or opaque"),
        ({"stream": True}, "stream", "all at once"),
        ({"steps": 101}, "steps", "<= 100"),
        ({"seed": 2**31}, "seed", "<="),
        ({"sampler": "magic"}, "sampler", "magic"),
        ({"prompt": "x" * 8_001}, "prompt", "8000"),
    ],
)
def test_what_cannot_be_is_told_with_its_field(
    proxy: Proxy, fields: dict[str, object], param: str, says: str
) -> None:
    answer = ask(proxy.url, **fields)

    error = answer.json()["error"]
    assert (answer.status_code, error["type"], error["param"]) == (400, "invalid_request_error", param)
    assert says in error["message"]


@pytest.mark.parametrize(
    ("files", "data", "param", "says"),
    [
        ({}, {"prompt": PROMPT}, None, "as multipart/form-data"),
        ({"mask": png()}, {"prompt": PROMPT}, "image", "must come"),
        ({"image": b"GIF89a"}, {"prompt": PROMPT}, "image", "PNG or a JPEG"),
        ({"image": png()[:20]}, {"prompt": PROMPT}, "image", "damaged"),
        ({"image": png(), "mask": b"nothing"}, {"prompt": PROMPT}, "mask", "PNG or a JPEG"),
        ({"image": png()}, {}, "prompt", "prompt"),
        ({"image": png()}, {"prompt": PROMPT, "n": "many"}, "n", "int"),
        ({"image": png()}, {"prompt": b"\xff"}, "prompt", "UTF-8"),
    ],
)
def test_a_form_that_cannot_be_is_told(
    proxy: Proxy, files: dict[str, bytes], data: dict[str, str | bytes], param: str | None, says: str
) -> None:
    named = {name: (f"{name}.png", content) for name, content in files.items()}
    answer = httpx2.post(f"{proxy.url}/v1/images/edits", files=named or None, data=data)

    error = answer.json()["error"]
    assert (answer.status_code, error["param"]) == (400, param)
    assert says in error["message"]


def test_a_form_that_says_it_is_too_large_is_refused_before_it_is_sent(proxy: Proxy) -> None:
    host, port = proxy.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(
            b"POST /v1/images/edits HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999999999999\r\n"
            b"Content-Type: multipart/form-data; boundary=x\r\n\r\n"
        )
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")


def test_a_model_that_cannot_draw_is_passed_over(proxy: Proxy) -> None:
    answer = ask(proxy.url, model="chat")

    assert painted(pictures(answer)[0])
    assert answer.headers["x-eai-model"] == "flux"
    assert "chat is for chat" in answer.headers["x-eai-fallback"]


def test_pictures_and_words_share_one_memory(proxy: Proxy) -> None:
    def talk() -> int:
        return httpx2.post(f"{proxy.url}/v1/chat/completions", json={**ASK, "model": "chat"}).status_code

    for _ in range(2):
        assert painted(pictures(ask(proxy.url, model="flux"))[0])
        assert proxy.state_of("chat")["state"] == "unloaded"
        assert talk() == 200
        assert proxy.state_of("flux")["state"] == "unloaded"


def test_progress_is_told_and_one_who_left_keeps_nobody_else_from_the_answer(proxy: Proxy) -> None:
    (usual,) = pictures(ask(proxy.url))
    with pytest.raises(httpx2.ReadTimeout):
        httpx2.post(f"{proxy.url}/v1/images/generations", json={"prompt": PROMPT, "steps": 100}, timeout=0.5)

    seen = proxy.state_of("flux")
    assert seen["drawing"]["steps"] == 100
    assert seen["drawing"]["pictures"] == 1
    until(lambda: 0 < (proxy.state_of("flux")["drawing"] or {"step": 0})["step"] <= 100)
    until(lambda: proxy.state_of("flux")["streams"] == 0)

    assert np.array_equal(usual, pictures(ask(proxy.url))[0])
    assert proxy.state_of("flux")["drawing"] is None


def test_an_engine_that_dies_while_drawing_is_told_of_and_comes_back(proxy: Proxy) -> None:
    answers: list[httpx2.Response] = []
    asking = threading.Thread(target=lambda: answers.append(ask(proxy.url, steps=100)))
    asking.start()
    until(lambda: (proxy.state_of("flux")["drawing"] or {"step": 0})["step"] > 0)
    for process in engines_of(proxy):
        process.kill()
    asking.join()

    error = answers[0].json()["error"]
    assert (answers[0].status_code, error["code"]) == (502, "engine_died")
    assert painted(pictures(ask(proxy.url))[0])

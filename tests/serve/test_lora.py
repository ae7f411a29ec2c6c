"""LoRA scales are changed while the proxy runs, before the real engine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from models.chat import ADAPTED, SENTENCE
from support.kinds import PIRATE
from support.serving import Proxy

pytestmark = pytest.mark.engine

PLAIN: dict[str, Any] = {"messages": [{"role": "user", "content": "hello"}], "max_tokens": 64}


@pytest.fixture(autouse=True)
def put_back(proxy: Proxy) -> Iterator[None]:
    """Put the scale back: all tests here share the proxy."""
    yield
    change(proxy, lora=[{"id": 0, "scale": PIRATE.scale}])


def say(proxy: Proxy, **more: object) -> str:
    answer = httpx2.post(f"{proxy.url}/v1/chat/completions", json={**PLAIN, **more})
    return str(answer.json()["choices"][0]["message"]["content"])


def change(proxy: Proxy, path: str = "/api/models/lora", **body: object) -> tuple[int, Any]:
    answer = httpx2.post(proxy.url + path, json=body)
    return answer.status_code, answer.json()


def scale_of(proxy: Proxy) -> set[float]:
    """The scale as every page tells it."""
    (listed,) = httpx2.get(f"{proxy.url}/v1/models/chat").json()["lora_config"]
    (status,) = proxy.state_of("chat")["lora"]
    (shown,) = httpx2.get(f"{proxy.url}/api/models/lora").json()["models"]
    assert shown["model"] == "chat"
    assert status["locked"] == PIRATE.scale
    return {listed["scale"], status["scale"], shown["lora"][0]["scale"]}


@pytest.mark.parametrize(
    "which",
    [
        {"id": 0},
        {"name": "pirate"},
        {"name": "pirate.gguf"},
        {"name": PIRATE.name},
        {"name": str(PIRATE.digest)},
    ],
)
def test_a_new_scale_holds_from_the_next_request_on(proxy: Proxy, which: dict[str, object]) -> None:
    assert say(proxy) == SENTENCE
    status, said = change(proxy, model="chat", lora=[{**which, "scale": 1}])
    assert status == 200
    assert said["lora"] == [
        {"id": 0, "name": PIRATE.name, "digest": str(PIRATE.digest), "scale": 1.0, "locked": 0.0}
    ]
    assert say(proxy) == ADAPTED
    assert scale_of(proxy) == {1.0}


def test_without_a_model_the_main_ones_is_changed(proxy: Proxy) -> None:
    assert change(proxy, lora=[{"id": 0, "scale": 1}])[0] == 200
    assert say(proxy) == ADAPTED


def test_one_request_may_have_a_scale_of_its_own(proxy: Proxy) -> None:
    assert say(proxy, lora=[{"id": 0, "scale": 1.0}]) == ADAPTED
    assert say(proxy) == SENTENCE
    assert scale_of(proxy) == {0.0}


def test_a_new_scale_holds_also_when_the_model_is_loaded_again(proxy: Proxy) -> None:
    assert change(proxy, lora=[{"id": 0, "scale": 1}])[0] == 200
    assert change(proxy, "/api/models/unload", model="chat")[0] == 200
    assert say(proxy) == ADAPTED
    assert scale_of(proxy) == {1.0}


def test_a_scale_may_be_changed_while_the_model_is_not_loaded(proxy: Proxy) -> None:
    assert change(proxy, "/api/models/unload", model="chat")[0] == 200
    assert change(proxy, lora=[{"id": 0, "scale": 1}])[0] == 200
    assert proxy.state_of("chat")["state"] == "unloaded"
    assert say(proxy) == ADAPTED


def test_eternal_zoos_own_request_is_understood(proxy: Proxy) -> None:
    config = {"any name": {"path": "/home/me/loras/pirate.gguf", "scale": 1.0}}
    status, said = change(proxy, "/update/lora", model="chat", lora_config=config)
    assert (status, said["status"]) == (200, "ok")
    assert say(proxy) == ADAPTED
    assert change(proxy, "/update/lora", model="chat", lora_config={})[0] == 200
    assert say(proxy) == SENTENCE


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"model": "nobody", "lora": [{"id": 0, "scale": 1}]}, 404, "model_not_found"),
        ({"model": "tools", "lora": [{"id": 0, "scale": 1}]}, 400, "no_lora"),
        ({"lora": [{"id": 1, "scale": 1}]}, 404, "lora_not_found"),
        ({"lora": [{"name": "parrot", "scale": 1}]}, 404, "lora_not_found"),
        ({"lora": [{"scale": 1}]}, 400, "invalid_value"),
        ({"lora": [{"id": 0, "name": "pirate", "scale": 1}]}, 400, "invalid_value"),
        ({"lora": [{"id": 0, "scale": "much"}]}, 400, "invalid_type"),
        ({"lora": [{"id": 0, "scale": 1e9}]}, 400, "invalid_value"),
        ({"lora": []}, 400, "invalid_value"),
        ({"lora": [{"id": 0, "scale": 1}], "file": "/etc/passwd"}, 400, "invalid_value"),
    ],
)
def test_what_cannot_be_is_an_error_and_changes_nothing(
    proxy: Proxy, body: dict[str, object], status: int, code: str
) -> None:
    was, said = change(proxy, **body)
    assert (was, said["error"]["code"]) == (status, code)
    assert scale_of(proxy) == {0.0}


def test_what_is_no_json_is_an_error(proxy: Proxy) -> None:
    answer = httpx2.post(f"{proxy.url}/update/lora", content=b"{")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_json")

"""The proxy's paths, before an engine that answers as a test wants."""

from __future__ import annotations

import asyncio
import io
import json

import pytest
from support.bench import GIB, a_model
from support.front import front

from zoo.digest import Digest
from zoo.environment.model import Adapter
from zoo.serve.guard import Guard
from zoo.serve.keys import Key, Keyring

BODY_LIMIT = 32 * 2**20
CHAT = a_model("main", main=True, aliases=("Main.gguf",))
EMBED = a_model("embedder", task="embed")


@pytest.mark.parametrize(
    ("path", "upstream", "model"),
    [
        ("/v1/chat/completions", "/v1/chat/completions", "main"),
        ("/chat/completions", "/v1/chat/completions", "main"),
        ("/v1/completions", "/v1/completions", "main"),
        ("/completions", "/v1/completions", "main"),
        ("/v1/responses", "/v1/responses", "main"),
        ("/responses", "/v1/responses", "main"),
        ("/v1/messages", "/v1/messages", "main"),
        ("/v1/messages/count_tokens", "/v1/messages/count_tokens", "main"),
        ("/v1/embeddings", "/v1/embeddings", "embedder"),
        ("/embeddings", "/v1/embeddings", "embedder"),
        ("/tokenize", "/tokenize", "main"),
        ("/detokenize", "/detokenize", "main"),
    ],
)
async def test_each_endpoint_reaches_an_engine_of_its_task(path: str, upstream: str, model: str) -> None:
    async with front(CHAT, EMBED) as f:
        status, headers, _ = await f.post(path, input="x")
        assert status == 200
        assert headers["x-eai-model"] == model
        assert headers["x-eai-environment"] == "e" * 64
        assert "x-eai-fallback" not in headers
        assert f.seen[0][0] == upstream


async def test_the_body_reaches_the_engine_byte_for_byte() -> None:
    body = (
        b'{ "model" : "Main.gguf",  "messages": [ {"role":"user","content":"\\u00e9 \xc3\xa9"} ], "n": 1e0 }'
    )
    async with front(CHAT) as f:
        async with f.client.post(f.url + "/v1/chat/completions", data=body) as response:
            assert await response.read() == body
        assert f.seen[0][2] == body


async def test_a_large_body_reaches_the_engine_too() -> None:
    body = b'{"input": "' + b"x" * (BODY_LIMIT - 100) + b'"}'
    async with (
        front(CHAT) as f,
        f.client.post(f.url + "/v1/completions", data=io.BytesIO(body)) as response,
    ):
        assert response.status == 200
        assert await response.read() == body


async def test_what_curl_calls_a_form_reaches_the_engine_as_the_json_that_it_is() -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    async with front(CHAT) as f:
        async with f.client.post(f.url + "/v1/chat/completions", data=b"{}", headers=form) as response:
            assert response.status == 200
        assert f.seen[0][1]["Content-Type"] == "application/json"


async def test_an_engine_sees_none_of_the_clients_headers() -> None:
    async with front(CHAT) as f:
        private = {"Authorization": "Bearer secret", "Cookie": "a=b", "X-Forwarded-For": "10.0.0.1"}
        async with f.client.post(f.url + "/v1/chat/completions", json={}, headers=private):
            pass
        assert set(f.seen[0][1]) <= {"Host", "Content-Type", "Content-Length", "Accept", "Connection"}


async def test_an_unknown_model_falls_back_to_the_main_one_and_says_so() -> None:
    async with front(CHAT) as f:
        status, headers, _ = await f.post("/v1/chat/completions", model="gpt-5\r\nx: y")
        assert status == 200
        assert headers["x-eai-fallback"] == "gpt-5\\x0d\\x0ax: y is not here"


async def test_an_unknown_model_is_an_error_where_the_zoofile_says_so() -> None:
    async with front(CHAT, unknown_model="error") as f:
        status, _, body = await f.post("/v1/chat/completions", model="gpt-5")
        assert (status, body["error"]["code"], body["error"]["param"]) == (404, "model_not_found", "model")


@pytest.mark.parametrize("path", ["/v1/images/generations", "/images/edits", "/v1/rerank"])
async def test_a_task_that_no_model_here_has_is_an_error(path: str) -> None:
    async with front(CHAT) as f:
        status, _, body = await f.post(path, model="main")
        assert (status, body["error"]["code"]) == (404, "no_model_for_task")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "invalid_json"),
        (b"", "invalid_json"),
        (b"\xff\xfe", "invalid_json"),
        (b"[]", "invalid_type"),
        (b'{"model": 5}', "invalid_type"),
        (b'{"model": "main", "stream": "yes"}', "invalid_type"),
        (b'{"a":' * 100_000, "invalid_json"),
    ],
)
async def test_what_is_no_request_is_refused(body: bytes, code: str) -> None:
    async with front(CHAT) as f:
        async with f.client.post(f.url + "/v1/chat/completions", data=body) as response:
            error = (await response.json())["error"]
            assert (response.status, error["code"]) == (400, code)
            assert set(error) == {"message", "type", "param", "code"}
        assert f.seen == []


async def test_media_to_be_fetched_is_refused() -> None:
    async with front(CHAT) as f:
        part = {"type": "image_url", "image_url": {"url": "http://10.0.0.1/x"}}
        status, _, body = await f.post("/v1/chat/completions", messages=[{"role": "user", "content": [part]}])
        assert (status, body["error"]["code"]) == (400, "remote_media")
        assert f.seen == []


@pytest.mark.parametrize(
    "path",
    ["/page/../api/status", "/page/%2e%2e/api/status", "//api/status", "/api//status", "/health/../metrics"],
)
async def test_no_spelling_of_a_path_goes_around_the_key(path: str) -> None:
    keyed = Guard("127.0.0.1", keyring=Keyring((Key.of("a", "right"),)))
    async with front(CHAT, guard=keyed) as f:
        reader, writer = await asyncio.open_connection("127.0.0.1", f.port)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        assert (await reader.read())[:12] in {b"HTTP/1.1 401", b"HTTP/1.1 404"}
        writer.close()
        await writer.wait_closed()


async def test_the_answer_of_an_engine_may_be_read_by_a_declared_page() -> None:
    app = "https://app.example"
    async with front(CHAT, guard=Guard("127.0.0.1", origins=(app,))) as f:
        headers = {"Origin": app}
        async with f.client.post(f.url + "/v1/chat/completions", json={}, headers=headers) as response:
            assert response.headers["Access-Control-Allow-Origin"] == app


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_over_the_limit_is_refused(*, chunked: bool) -> None:
    async def pieces():  # type: ignore[no-untyped-def] # noqa: ANN202
        for _ in range(BODY_LIMIT // 2**20 + 1):
            yield b" " * 2**20

    async with front(CHAT) as f:
        data = pieces() if chunked else io.BytesIO(b" " * (BODY_LIMIT + 1))
        async with f.client.post(f.url + "/v1/chat/completions", data=data) as response:
            assert response.status == 413
            assert (await response.json())["error"]["code"] == "body_too_large"
        assert f.seen == []


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/page/nothing", 404),
        ("POST", "/v1/nothing", 404),
        ("GET", "/v1/chat/completions", 405),
        ("OPTIONS", "/v1/chat/completions", 405),
        ("DELETE", "/v1/models/main", 405),
        ("GET", "/v1/models/nothing", 404),
    ],
)
async def test_every_error_has_openais_shape_and_no_cors(method: str, path: str, status: int) -> None:
    async with front(CHAT) as f, f.client.request(method, f.url + path) as response:
        error = (await response.json())["error"]
        assert response.status == status
        assert set(error) == {"message", "type", "param", "code"}
        assert not any(name.lower().startswith("access-control") for name in response.headers)


@pytest.mark.parametrize("path", ["/v1/models", "/health", "/metrics", "/api/status", "/nothing"])
async def test_a_foreign_host_is_refused_everywhere(path: str) -> None:
    async with front(CHAT) as f:
        status, body = await f.get(path, Host="evil.example")
        assert (status, body["error"]["code"]) == (403, "forbidden")
        status, body = await f.get(path, Origin="https://evil.example")
        assert status == 403


async def test_models_are_listed_with_all_there_is_to_know() -> None:
    adapter = Adapter(name="pirate.gguf", digest=Digest.of_hex("b" * 64), scale=0.5)
    toy = a_model("toy", lora_config=(adapter,), multimodal=True, note="a toy", aliases=("Toy.gguf",))
    async with front(toy, CHAT) as f:
        _, body = await f.get("/v1/models")
        assert body["object"] == "list"
        assert [model["id"] for model in body["data"]] == ["main", "toy"]
        assert body["data"][1] == {
            "id": "toy",
            "object": "model",
            "created": 1_700_000_000,
            "owned_by": "eai",
            "active": False,
            "task": "chat",
            "is_lora": True,
            "multimodal": True,
            "context_length": 4096,
            "lora_config": [{"name": "pirate.gguf", "digest": f"sha256:{'b' * 64}", "scale": 0.5}],
            "digest": toy.digest,
            "environment": "e" * 64,
            "aliases": ["Toy.gguf"],
            "note": "a toy",
        }
        for name in ("toy", "Toy.gguf", toy.digest, toy.digest.hex):
            assert (await f.get(f"/v1/models/{name}"))[1] == body["data"][1]
        await f.post("/v1/chat/completions", model="toy")
        assert (await f.get("/models/toy"))[1]["active"] is True


async def test_health_waits_for_the_main_model() -> None:
    async with front(CHAT) as f:
        status, body = await f.get("/health")
        assert (status, body["error"]["code"]) == (503, "loading")
        f.proxy.began = True
        assert await f.get("/health") == (200, {"status": "ok"})


async def test_metrics_count_requests_and_models() -> None:
    async with front(CHAT, EMBED) as f:
        await f.post("/v1/chat/completions", messages=[])
        await f.client.post(f.url + "/v1/chat/completions", data=b"{")
        async with f.client.get(f.url + "/metrics") as response:
            assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
            text = await response.text()
    counted = 'eai_requests_total{model="%s",path="/v1/chat/completions",status="%d"} 1.0'
    assert counted % ("main", 200) in text
    assert counted % ("-", 400) in text
    assert 'eai_first_byte_seconds_count{model="main",path="/v1/chat/completions"} 1.0' in text
    assert 'eai_model_state{model="main",state="ready"} 1.0' in text
    assert 'eai_model_state{model="embedder",state="unloaded"} 1.0' in text
    assert 'eai_model_loads_total{model="main"} 1.0' in text
    assert "eai_memory_budget_bytes 2.147483648e+09" in text


async def test_status_tells_what_runs_and_nothing_of_the_machines_folders() -> None:
    async with front(CHAT, EMBED) as f:
        await f.post("/v1/chat/completions")
        _, body = await f.get("/api/status")
        assert body["environment"] == "e" * 64
        assert body["memory"] == {
            "budget": 2 * GIB,
            "declared": False,
            "loaded": GIB,
            "unified": False,
            "gpu": None,
        }
        assert [(m["name"], m["state"], m["loads"]) for m in body["models"]] == [
            ("main", "ready", 1),
            ("embedder", "unloaded", 0),
        ]
        assert "/" not in json.dumps(body)


async def test_a_key_for_some_models_is_told_of_no_others() -> None:
    few = Key("few", Key.of("", "few").sha256, models=(CHAT.name,))
    guard = Guard("127.0.0.1", keyring=Keyring((few, Key.of("all", "all"))))
    both = {CHAT.name, EMBED.name}
    async with front(CHAT, EMBED, guard=guard) as f:
        for secret, mine in (("few", {CHAT.name}), ("all", both)):
            headers = {"x-api-key": secret}
            async with f.client.get(f"{f.url}/v1/models", headers=headers) as listed:
                assert {each["id"] for each in (await listed.json())["data"]} == mine
            for name in both:
                async with f.client.get(f"{f.url}/v1/models/{name}", headers=headers) as one:
                    assert one.status == (200 if name in mine else 404)

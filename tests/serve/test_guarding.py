"""The guard of a whole proxy as a process: keys, limits, CORS as a browser sees it, engines' sockets."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx2
import openai
import pytest
from models.chat import SENTENCE
from support.proxies import ASK, Weights, running
from support.serving import Proxies, Proxy, environment, served

from zoo.serve.keys import Key
from zoo.serve.limits import Limits

pytestmark = pytest.mark.engine

APP = "https://app.example"
NOBODY = 65534
REACH = (
    "import os, socket, sys; s = socket.socket(socket.AF_UNIX); os.getuid() or os.setuid({nobody}); "
    "s.connect(sys.argv[1])"
)


@pytest.fixture(scope="module")
def keyed(weights: Weights) -> Iterator[Proxy]:
    with tempfile.TemporaryDirectory(prefix="eai") as folder:
        made = Proxies(Path(folder))
        proxy = made.start(
            environment(served(weights.chat, "chat", main=True), allowed_origins=(APP,), max_body="1MiB"),
            keys=(Key.of("alice", "right"), Key("bob", Key.of("", "few").sha256, requests_per_minute=1)),
            limits=Limits(head=0.4),
        )
        proxy.until_ready()
        yield proxy
        made.close()


def client(proxy: Proxy, key: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{proxy.url}/v1", api_key=key, max_retries=0)


def test_the_openai_client_with_a_right_key_is_answered(keyed: Proxy) -> None:
    with client(keyed, "right") as right:
        answer = right.chat.completions.create(model="chat", **ASK)
        assert answer.choices[0].message.content == SENTENCE
        assert [model.id for model in right.models.list()] == ["chat"]


def test_the_openai_client_with_a_wrong_key_understands_why_not(keyed: Proxy) -> None:
    with client(keyed, "wrong") as wrong, pytest.raises(openai.AuthenticationError) as caught:
        wrong.chat.completions.create(model="chat", **ASK)
    assert (caught.value.code, caught.value.type) == ("invalid_api_key", "authentication_error")
    assert caught.value.response.headers["WWW-Authenticate"] == 'Bearer realm="eai"'


def test_the_openai_client_is_told_when_to_come_back(keyed: Proxy) -> None:
    with client(keyed, "few") as few:
        assert few.chat.completions.create(model="chat", **ASK).choices
        with pytest.raises(openai.RateLimitError) as caught:
            few.chat.completions.create(model="chat", **ASK)
    assert 0 < int(caught.value.response.headers["Retry-After"]) <= 60


def test_a_client_of_anthropic_sends_its_key_in_a_header_of_its_own(keyed: Proxy) -> None:
    answer = httpx2.post(f"{keyed.url}/v1/messages", json=ASK, headers={"x-api-key": "right"})
    assert answer.status_code == 200
    assert httpx2.post(f"{keyed.url}/v1/messages", json=ASK).status_code == 401


def test_this_users_own_commands_need_no_key_of_those(keyed: Proxy) -> None:
    own = running(keyed)
    assert stat.S_IMODE(keyed.run.state.stat().st_mode) == 0o600
    assert httpx2.get(f"{keyed.url}/api/status", headers=own.headers).json()["ready"]
    assert httpx2.get(f"{keyed.url}/api/status").status_code == 401
    assert httpx2.get(f"{keyed.url}/health").status_code == 200


def test_a_page_of_a_declared_origin_may_fetch_and_no_other(keyed: Proxy) -> None:
    url, chat = f"{keyed.url}/v1/models", f"{keyed.url}/v1/chat/completions"
    question = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    asked = httpx2.options(chat, headers={"Origin": APP, **question})
    assert asked.status_code == 204
    assert asked.headers["Access-Control-Allow-Origin"] == APP
    assert "authorization" in asked.headers["Access-Control-Allow-Headers"].lower()
    assert "Access-Control-Allow-Credentials" not in asked.headers
    right = httpx2.get(url, headers={"Origin": APP, "Authorization": "Bearer right"})
    assert (right.status_code, right.headers["Access-Control-Allow-Origin"]) == (200, APP)
    assert right.headers["Vary"] == "Origin"
    wrong = httpx2.get(url, headers={"Origin": APP})
    assert (wrong.status_code, wrong.headers["Access-Control-Allow-Origin"]) == (401, APP)
    for method in ("OPTIONS", "GET"):
        evil = httpx2.request(method, chat, headers={"Origin": "https://evil.example", **question})
        assert evil.status_code == 403
        assert "Access-Control-Allow-Origin" not in evil.headers


def test_the_engine_is_not_asked_what_could_harm_it(keyed: Proxy) -> None:
    headers = {"Authorization": "Bearer right"}
    bad = httpx2.post(f"{keyed.url}/v1/completions", json={"n_discard": -1}, headers=headers)
    assert (bad.status_code, bad.json()["error"]["param"]) == (400, "n_discard")
    large = httpx2.post(f"{keyed.url}/v1/completions", content=b" " * (2**20 + 1), headers=headers)
    assert large.json()["error"]["message"] == "the request is larger than 1 MiB"


def test_headers_that_drip_are_cut_off(keyed: Proxy) -> None:
    with socket.create_connection(("127.0.0.1", running(keyed).port), timeout=10) as slow:
        slow.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
        assert slow.recv(12) == b"HTTP/1.1 408"


@pytest.mark.parametrize("header", [b"X: " + b"x" * 20_000, b"\r\n".join(b"X-%d: 1" % n for n in range(70))])
def test_headers_have_a_size_and_a_number(keyed: Proxy, header: bytes) -> None:
    with socket.create_connection(("127.0.0.1", running(keyed).port), timeout=10) as large:
        large.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n" + header + b"\r\n\r\n")
        assert large.recv(12) == b"HTTP/1.0 400"


def test_another_user_cannot_reach_an_engine(keyed: Proxy) -> None:
    folder = Path(running(keyed).sockets)
    (engine,) = folder.iterdir()
    assert (stat.S_IMODE(folder.stat().st_mode), folder.stat().st_uid) == (0o700, os.getuid())
    command = (sys.executable, "-c", REACH.format(nobody=NOBODY), str(engine))
    tried = subprocess.run(command, capture_output=True, text=True, check=False)
    # Whoever may become another user has just tried as one; nobody else can be asked to.
    assert ("PermissionError" in tried.stderr) is (os.getuid() == 0)

"""The life of a proxy as a process: starting, ending, being killed, and what it leaves behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
from pathlib import Path

import httpx2
import pytest
from support.proxies import ASK, FOREVER, Weights, engines_of, running, runs, three
from support.serving import LAUNCHER, MIB, Proxies, environment, served, until

from zoo.serve import state

pytestmark = pytest.mark.engine


def test_killing_the_proxy_ends_its_engines(proxies: Proxies, weights: Weights) -> None:
    proxy = three(proxies, weights)
    httpx2.post(f"{proxy.url}/v1/chat/completions", json={**ASK, "model": "other"})
    engines = engines_of(proxy)
    assert len(engines) == 2
    proxy.end(signal.SIGKILL)
    until(lambda: not any(map(runs, engines)), within=5)


def test_what_a_killed_proxy_left_behind_hinders_nobody(proxies: Proxies, weights: Weights) -> None:
    first = proxies.start(environment(served(weights.chat, "chat", main=True)))
    first.until_ready()
    left = state.read(first.run)
    assert left is not None
    assert state.running(first.run) == left
    first.end(signal.SIGKILL)
    assert state.running(first.run) is None
    second = proxies.start(environment(served(weights.chat, "chat", main=True)))
    second.until_ready()
    assert second.url
    assert not Path(left.sockets).exists()


def test_ending_waits_for_streams_and_leaves_nothing(proxies: Proxies, weights: Weights) -> None:
    proxy = three(proxies, weights)
    sockets = Path(running(proxy).sockets)
    assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
    body = {**FOREVER, "max_tokens": 1000}
    with httpx2.stream("POST", f"{proxy.url}/v1/chat/completions", json=body, timeout=30) as answer:
        lines = answer.iter_lines()
        next(lines)
        engines = engines_of(proxy)
        proxy.process.terminate()
        assert list(lines)[-2:] == ["data: [DONE]", ""]
    assert proxy.end() == 0
    assert proxy.said[1:] == [{"stopping": 1}, {"whole": True}]
    assert not any(map(runs, engines))
    assert not sockets.exists()
    assert not proxy.run.state.exists()


def test_a_second_signal_ends_at_once(proxies: Proxies, weights: Weights) -> None:
    proxy = three(proxies, weights)
    with httpx2.stream("POST", f"{proxy.url}/v1/chat/completions", json=FOREVER, timeout=30) as answer:
        lines = answer.iter_lines()
        next(lines)
        proxy.process.terminate()
        until(lambda: "stopping" in json.loads(proxy.process.stdout.readline()))  # type: ignore[union-attr] - it was started with a pipe
        assert proxy.end(signal.SIGINT) == 0
        assert proxy.said[-1] == {"whole": False}
        with pytest.raises(httpx2.RemoteProtocolError):
            list(lines)


def test_a_main_model_that_does_not_load_ends_it_with_the_engines_words(
    proxies: Proxies, weights: Weights, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(weights.chat.read_bytes()[:100_000])
    proxy = proxies.start(environment(served(broken, "broken", main=True)))
    proxy.until_ready()
    assert proxy.process.returncode == 1
    assert "the engine of broken ended while loading: exit code 1" in proxy.said[-1]["error"]
    assert "corrupted or incomplete" in proxy.said[-1]["error"]
    assert not proxy.run.state.exists()


def test_an_on_demand_model_that_does_not_load_is_a_503_and_the_rest_goes_on(
    proxies: Proxies, weights: Weights, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF")
    proxy = proxies.start(environment(served(weights.chat, "chat", main=True), served(broken, "broken")))
    proxy.until_ready()
    answer = httpx2.post(f"{proxy.url}/v1/chat/completions", json={**ASK, "model": "broken"})
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "engine_failed"
    assert httpx2.post(f"{proxy.url}/v1/chat/completions", json=ASK).status_code == 200


def test_a_main_model_that_is_too_large_is_refused_before_it_is_loaded(
    proxies: Proxies, weights: Weights
) -> None:
    large = served(weights.chat, "chat", main=True, memory=300 * MIB)
    proxy = proxies.start(environment(large, memory="200MiB"))
    proxy.until_ready()
    assert proxy.process.returncode == 1
    assert "chat needs 300 MiB of memory, and the loaded models may take 200 MiB" in proxy.said[-1]["error"]
    assert not proxy.run.engine_log("chat").path.exists()


def test_a_port_that_is_taken_is_an_error_that_says_by_whom(proxies: Proxies, weights: Weights) -> None:
    env = environment(served(weights.chat, "chat", main=True))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        proxy = proxies.start(env, port=port)
        proxy.until_ready()
        assert f"port {port} of 127.0.0.1 is taken by " in proxy.said[-1]["error"]
        assert f"(pid {os.getpid()})" in proxy.said[-1]["error"]
    first = proxies.start(env, project="first")
    first.until_ready()
    second = proxies.start(env, project="second", port=running(first).port)
    second.until_ready()
    assert f"taken by the eai that serves {proxies.folder / 'first'}" in second.said[-1]["error"]


def test_a_project_is_served_once(proxies: Proxies, weights: Weights) -> None:
    env = environment(served(weights.chat, "chat", main=True))
    first = proxies.start(env)
    first.until_ready()
    second = proxies.start(env)
    second.until_ready()
    assert f"is being served already at {first.url}" in second.said[-1]["error"]
    assert httpx2.get(f"{first.url}/health").status_code == 200


def test_health_says_loading_until_the_main_model_answers(proxies: Proxies, weights: Weights) -> None:
    go = proxies.folder / "go"
    waits = f'while [ ! -e {go} ]; do sleep 0.02; done; exec "$0" "$@"'
    slow = served(weights.chat, "chat", main=True, program=("/bin/sh", "-c", waits, *LAUNCHER))
    proxy = proxies.start(environment(slow))
    until(lambda: state.running(proxy.run))
    url = running(proxy).url
    answer = httpx2.get(f"{url}/health")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "loading")
    go.touch()
    proxy.until_ready()
    assert httpx2.get(f"{url}/health").json() == {"status": "ok"}

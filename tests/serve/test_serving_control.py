"""Loading, unloading and losing models, over HTTP, with the real engine."""

from __future__ import annotations

import signal
import time

import httpx2
import psutil
import pytest
from support.proxies import ASK, FOREVER, Weights, engines_of, runs, three
from support.serving import LAUNCHER, MIB, Proxies, environment, served, until

pytestmark = pytest.mark.engine

DEAF = 'trap \'\' TERM; "$0" "$@" & wait; wait'


def test_models_are_preloaded_and_their_real_memory_is_told(proxies: Proxies, weights: Weights) -> None:
    proxy = proxies.start(
        environment(
            served(weights.chat, "chat", main=True),
            served(weights.other, "other", preload=True),
            served(weights.endless, "large", preload=True, memory=900 * MIB),
            memory="1GiB",
        )
    )
    proxy.until_ready()
    until(lambda: proxy.state_of("other")["used"])
    assert [model["state"] for model in proxy.status()["models"]] == ["ready", "ready", "unloaded"]
    assert proxy.status()["memory"]["loaded"] == 200 * MIB
    used = proxy.state_of("other")["used"]
    assert 5 * MIB < used["host"] < 100 * MIB
    assert used["gpu"] == 0
    log = proxy.run.proxy_log.path.read_text()
    assert "not loaded at the start, for want of memory: large" in log


def test_an_unload_ends_the_process_and_the_next_request_starts_another(
    proxies: Proxies, weights: Weights
) -> None:
    proxy = three(proxies, weights)
    (engine,) = engines_of(proxy)
    answer = httpx2.post(f"{proxy.url}/api/models/unload", json={"model": "chat"})
    assert answer.json() == {"model": "chat", "state": "unloaded"}
    assert not runs(engine)
    assert httpx2.get(f"{proxy.url}/health").status_code == 200
    answer = httpx2.post(f"{proxy.url}/api/models/load", json={"model": "chat"})
    assert answer.json() == {"model": "chat", "state": "ready"}
    assert httpx2.post(f"{proxy.url}/v1/chat/completions", json=ASK).status_code == 200


def test_a_stream_survives_the_unload_of_its_model(proxies: Proxies, weights: Weights) -> None:
    proxy = three(proxies, weights)
    body = {**FOREVER, "max_tokens": 400}
    with httpx2.stream("POST", f"{proxy.url}/v1/chat/completions", json=body, timeout=30) as stream:
        lines = stream.iter_lines()
        next(lines)
        refused = httpx2.post(
            f"{proxy.url}/api/models/unload", json={"model": "endless", "drain-timeout": "10ms"}
        )
        assert refused.status_code == 409
        assert list(lines)[-2:] == ["data: [DONE]", ""]
    gone = httpx2.post(f"{proxy.url}/api/models/unload", json={"model": "endless"})
    assert gone.status_code == 200


def test_a_main_model_that_was_killed_comes_back_by_itself(proxies: Proxies, weights: Weights) -> None:
    proxy = three(proxies, weights)
    (engine,) = engines_of(proxy)
    engine.kill()
    until(lambda: proxy.state_of("chat")["crashes"] == 1)
    until(lambda: proxy.state_of("chat")["state"] == "ready")
    assert proxy.state_of("chat")["loads"] == 2
    assert proxy.state_of("chat")["problem"] is None


def test_an_engine_that_is_deaf_is_killed_with_its_group_after_the_declared_time(
    proxies: Proxies, weights: Weights
) -> None:
    deaf = served(weights.other, "deaf", program=("/bin/sh", "-c", DEAF, *LAUNCHER))
    proxy = proxies.start(
        environment(served(weights.chat, "chat", main=True), deaf, stop_timeout="300ms", memory="1GiB")
    )
    proxy.until_ready()
    assert httpx2.post(f"{proxy.url}/api/models/load", json={"model": "deaf"}).status_code == 200
    shell = next(each for each in engines_of(proxy) if each.name() == "sh")
    (inner,) = [each for each in shell.children() if "launcher" in each.cmdline()]
    inner.send_signal(signal.SIGSTOP)  # deaf too
    began = time.monotonic()
    httpx2.post(f"{proxy.url}/api/models/unload", json={"model": "deaf"}, timeout=30)
    assert 0.3 <= time.monotonic() - began < 5
    assert not runs(shell)
    until(lambda: not psutil.pid_exists(inner.pid) or not runs(inner))

"""Proxies as processes over tiny models: what they are asked, and what they started."""

from __future__ import annotations

from pathlib import Path

import psutil
from models.chat import write_chat
from support.serving import Proxies, Proxy, environment, served

from zoo.serve import state

ASK = {"messages": [{"role": "user", "content": "hello"}], "max_tokens": 64}
FOREVER = {**ASK, "model": "endless", "max_tokens": 1_000_000, "stream": True}
COUNT = "one two three four five six seven eight nine ten, "


class Weights:
    """The tiny models of these tests."""

    def __init__(self, folder: Path) -> None:
        (self.chat,) = write_chat(folder / "Chat-F32.gguf")
        (self.other,) = write_chat(folder / "other.gguf", say="I am the other one.")
        (self.endless,) = write_chat(folder / "endless.gguf", say=COUNT, endless=True)


def three(proxies: Proxies, weights: Weights, *, memory: str = "1GiB", **more: str) -> Proxy:
    """A proxy of a main model, another one, one that never ends, and one for embeddings."""
    proxy = proxies.start(
        environment(
            served(weights.chat, "chat", main=True),
            served(weights.other, "other"),
            served(weights.endless, "endless"),
            served(weights.chat, "embedder", "--embeddings", "--pooling", "mean", task="embed"),
            memory=memory,
            **more,
        )
    )
    proxy.until_ready()
    return proxy


def running(proxy: Proxy) -> state.RunState:
    found = state.running(proxy.run)
    assert found is not None
    return found


def engines_of(proxy: Proxy) -> list[psutil.Process]:
    """The engine processes that a proxy started."""
    return psutil.Process(proxy.process.pid).children()


def runs(process: psutil.Process) -> bool:
    """Whether it runs; one that nobody has waited for yet does not."""
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE

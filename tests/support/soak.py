"""Asks a proxy for hours' worth of trouble in little time, and keeps account of every request.

Clients ask three models, of which two have room, and some of them leave early; meanwhile engines are
killed, and models loaded and unloaded. What was promised: a request is answered whole, or refused with a
status that says so, unless its own client left or its engine was killed by us.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import msgspec
import psutil
from support.proxies import Weights, engines_of, runs
from support.serving import Proxies, Proxy, environment, served

Ask = Callable[[aiohttp.ClientSession, str], Awaitable[str]]

CLIENTS = 16
_LIMIT = 60.0
_REFUSALS = {(429, "queue_full"), (503, "no_room"), (503, "engine_failed")}
_SLACK = 1.0  # seconds after a kill in which a request may still learn of it


def three_models(proxies: Proxies, weights: Weights) -> Proxy:
    """Start a proxy of three models of which two have room, and wait until the main one is ready."""
    proxy = proxies.start(
        environment(
            served(weights.chat, "one", main=True),
            served(weights.other, "two"),
            served(weights.chat, "three"),
            memory="250MiB",
        )
    )
    proxy.until_ready()
    return proxy


@dataclass(frozen=True, slots=True, kw_only=True)
class Chances:
    """Of each trouble: for every request, that its client leaves; and between two requests of a client."""

    leave: float = 0.05
    kill: float = 0.003
    load: float = 0.005
    unload: float = 0.005


@dataclass(slots=True)
class Account:
    """What became of everything."""

    fates: Counter[str] = field(default_factory=Counter)
    troubles: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    kills: list[tuple[str, float]] = field(default_factory=list)


@dataclass(slots=True)
class Soak:
    """One run.

    Args:
        proxy: It serves.
        says: What each model answers.
        requests: How many to ask.
        chance: Decides everything.
    """

    proxy: Proxy
    says: dict[str, str]
    requests: int
    chance: random.Random
    chances: Chances = Chances()
    account: Account = field(default_factory=Account)
    _asked: int = 0

    async def run(self) -> Account:
        """Ask everything."""
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(self.proxy.url, connector=connector) as session:
            await asyncio.gather(*(self._client(session) for _ in range(CLIENTS)))
        return self.account

    async def _client(self, session: aiohttp.ClientSession) -> None:
        while self._asked < self.requests:
            self._asked += 1
            await self._trouble(session)
            model = self.chance.choice(list(self.says))
            began = time.monotonic()
            kind: Callable[..., Awaitable[str]] = (
                self._streamed if self.chance.random() < 0.4 else self._whole
            )
            try:
                async with asyncio.timeout(_LIMIT):
                    fate = await kind(session, model)
            except TimeoutError:
                fate = "no answer"
            except (aiohttp.ClientError, ConnectionError) as error:
                fate = f"broken off: {error!r}"
            self._note(model, fate, began)

    def _note(self, model: str, fate: str, began: float) -> None:
        took = time.monotonic() - began
        if fate not in {"whole", "refused", "left"}:
            killed = any(name == model and began - _SLACK <= at for name, at in self.account.kills)
            if not killed:
                self.account.lost.append(f"{model} after {took:.2f} s: {fate}")
            fate = "killed" if killed else "lost"
        self.account.fates[fate] += 1
        if fate == "whole":
            self.account.waits.append(took)

    async def _whole(self, session: aiohttp.ClientSession, model: str) -> str:
        if self.chance.random() < self.chances.leave:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.chance.random() * 0.05):
                    async with session.post("/v1/chat/completions", json=_ask(model)) as answer:
                        await answer.read()
            return "left"
        async with session.post("/v1/chat/completions", json=_ask(model)) as answer:
            body = await answer.json()
            if answer.status != 200:
                return _refused(answer, body)
            said = body["choices"][0]["message"]["content"]
            return "whole" if said == self.says[model] else f"said {said!r}"

    async def _streamed(self, session: aiohttp.ClientSession, model: str) -> str:
        leaves = self.chance.random() < self.chances.leave
        async with session.post("/v1/chat/completions", json=_ask(model, stream=True)) as answer:
            if answer.status != 200:
                return _refused(answer, await answer.json())
            said = ""
            async for line in answer.content:
                if leaves and self.chance.random() < 0.3:
                    return "left"
                if line == b"data: [DONE]\n":
                    return "whole" if said == self.says[model] else f"streamed {said!r}"
                if line.startswith(b"data: "):
                    event = msgspec.json.decode(line[6:])
                    if "error" in event:
                        return f"error in the stream: {event['error']['code']}"
                    said += "".join(choice["delta"].get("content") or "" for choice in event["choices"])
        return "ended early"

    async def _trouble(self, session: aiohttp.ClientSession) -> None:
        model = self.chance.choice(list(self.says))
        if self.chance.random() < self.chances.kill:
            self._kill()
        for what, chance in (("load", self.chances.load), ("unload", self.chances.unload)):
            if self.chance.random() < chance:
                self.account.troubles[what] += 1
                async with session.post(f"/api/models/{what}", json={"model": model}) as answer:
                    body = await answer.json()
                    if answer.status not in {200, 409} and (answer.status, _code(body)) not in _REFUSALS:
                        self.account.lost.append(f"{what} of {model}: {answer.status} {body}")

    def _kill(self) -> None:
        """Kill some engine, if one runs."""
        engines = engines_of(self.proxy)
        self.chance.shuffle(engines)
        for engine in engines:
            with contextlib.suppress(psutil.Error, ValueError):  # it is gone, or not yet an engine
                words = engine.cmdline()
                model = words[words.index("--alias") + 1]
                engine.send_signal(signal.SIGKILL)
                self.account.troubles["kill"] += 1
                self.account.kills.append((model, time.monotonic()))
                return


@dataclass(frozen=True, slots=True)
class Left:
    """What a proxy holds: descriptors, sockets of engines, processes of their groups, bytes."""

    files: int
    sockets: int
    processes: int
    memory: int


async def rest(proxy: Proxy) -> Left:
    """Unload every model, and see what is left."""
    deadline = time.monotonic() + _LIMIT
    await _unload(proxy)
    while not quiet(proxy):
        assert time.monotonic() < deadline, proxy.status()
        await asyncio.sleep(0.05)
        await _unload(proxy)  # an engine that was killed just now may have come back by itself
    process = psutil.Process(proxy.process.pid)
    sockets = [each for each in process.net_connections("unix") if each.raddr or each.laddr]
    return Left(
        process.num_fds(), len(sockets), len(process.children(recursive=True)), process.memory_info().rss
    )


async def _unload(proxy: Proxy) -> None:
    async with aiohttp.ClientSession(proxy.url) as session:
        for model in proxy.status()["models"]:
            async with session.post("/api/models/unload", json={"model": model["name"]}) as answer:
                assert answer.status == 200, await answer.text()


def quiet(proxy: Proxy) -> bool:
    """Whether nothing is held, waited for, or about to come or go."""
    models = proxy.status()["models"]
    busy = any(each["streams"] or each["waiting"] or each["state"] != "unloaded" for each in models)
    return not busy and not any(map(runs, engines_of(proxy))) and _connections(proxy) == 1


def _connections(proxy: Proxy) -> int:
    """Sockets of clients and of the listener; the client that asks for the status has gone by then."""
    kinds = psutil.Process(proxy.process.pid).net_connections("tcp")
    return sum(each.status in {psutil.CONN_LISTEN, psutil.CONN_ESTABLISHED} for each in kinds)


def _ask(model: str, **more: object) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": "hello"}], "max_tokens": 64, **more}


def _refused(answer: aiohttp.ClientResponse, body: Any) -> str:  # noqa: ANN401 - what JSON can hold
    code = _code(body)
    if (answer.status, code) in _REFUSALS and "Retry-After" in answer.headers:
        return "refused"
    return f"{answer.status} {code}: {body['error']['message'][:200]}"


def _code(body: Any) -> str:  # noqa: ANN401 - as above
    return str(body["error"]["code"])

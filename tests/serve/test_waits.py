"""How long requests wait and engines take to be had, measured with the real engine."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from pathlib import Path

import httpx2
import pytest
from support.engine import UnixConnection
from support.proxies import ASK, Weights, three
from support.serving import Proxies, served

from zoo.serve.engine import EngineProcess
from zoo.serve.logfile import LogFile
from zoo.serve.spawn import spawn

pytestmark = pytest.mark.engine


async def test_a_steady_stream_to_one_model_delays_another_by_no_more_than_a_switch(
    proxies: Proxies, weights: Weights
) -> None:
    proxy = three(proxies, weights, memory="150MiB")
    stop = asyncio.Event()
    waits: list[float] = []
    steady: list[float] = []

    async with httpx2.AsyncClient(base_url=proxy.url, timeout=30) as client:

        async def ask(model: str) -> float:
            began = time.monotonic()
            answer = await client.post("/v1/chat/completions", json={**ASK, "model": model})
            assert answer.status_code == 200, answer.text
            return time.monotonic() - began

        async def stream() -> None:
            while not stop.is_set():
                steady.append(await ask("chat"))

        streams = [asyncio.create_task(stream()) for _ in range(4)]
        for _ in range(6):
            await asyncio.sleep(0.05)  # the others ask meanwhile, without a pause
            waits.append(await ask("other"))
        stop.set()
        await asyncio.gather(*streams)
        alone = [await ask(name) for name in ("chat", "other", "chat", "other")]
    switch = max(alone)  # there is one, with a whole answer, in each of these
    assert max(waits) < 3 * switch + 0.5, (waits, alone)
    assert max(steady) < 3 * switch + 0.5, (steady, alone)
    assert len(steady) > len(waits)


async def test_readiness_is_known_within_20_ms_of_the_engines_own(weights: Weights) -> None:
    late = []
    with tempfile.TemporaryDirectory(prefix="eai") as name:
        for number in range(7):
            path = Path(name) / f"{number}.sock"
            spawned = spawn(served(weights.chat, "chat"), path, LogFile(Path(name) / "log"))
            process = EngineProcess(spawned, asyncio.get_running_loop())
            own = asyncio.create_task(asyncio.to_thread(healthy_at, path))
            await process.answers(30)
            heard = time.monotonic()
            late.append(heard - await own)
            await process.stop()
    assert statistics.median(late) < 0.020, late


def healthy_at(path: Path) -> float:
    """When the engine said by itself that it is ready, asked each millisecond."""
    while True:
        connection = UnixConnection(path)
        try:
            connection.request("GET", "/health")
            if connection.getresponse().status == 200:
                return time.monotonic()
        except OSError:
            pass
        finally:
            connection.close()
        time.sleep(0.001)

"""How fast streams pass through eai, as multiples of nginx and llama-swap.

    python benchmarks/streams.py [--streams 32] [--chunks 200] [--rounds 5]

The upstream sends events of about 180 bytes as fast as it is read, each in a chunk of its own. It shares one
core with the program that reads all streams at once, and each proxy has the other one. They take turns;
medians of the rounds are compared. A stream is broken if not all of its events came.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import NamedTuple

import peers
import programs
import turns
import uvloop

EVENT = b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","model":"main","choices":[' + (
    b'{"index":0,"delta":{"content":"' + b"x" * 60 + b'"},"finish_reason":null}]}\n\n'
)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
CHUNK = b"%x\r\n%b\r\n" % (len(EVENT), EVENT)
ASK = json.dumps({"model": "main", "stream": True, "messages": [{"role": "user", "content": "count"}]})
REQUEST = (
    "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    f"Content-Length: {len(ASK)}\r\nConnection: close\r\n\r\n{ASK}"
).encode()
AIMS = {("nginx", "rate"): 0.9, ("llama-swap", "rate"): 1.0}


class Answering(asyncio.Protocol):
    """Upstream's side of a connection: as many chunks as the environment says, as fast as they are taken."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody comes."""
        self.transport, self.left, self.may = transport, 0, asyncio.Event()
        self.may.set()

    def data_received(self, data: bytes) -> None:
        """A request, which is never larger than one read."""
        self.task = asyncio.ensure_future(self.answer(close=b"connection: close" in data.lower()))

    def pause_writing(self) -> None:
        """The reader is slow."""
        self.may.clear()

    def resume_writing(self) -> None:
        """It has caught up."""
        self.may.set()

    def connection_lost(self, _: Exception | None) -> None:
        """It has gone."""
        self.may.set()

    async def answer(self, *, close: bool) -> None:
        """Send all chunks, one at a time among all streams."""
        self.transport.write(HEAD)
        for _ in range(int(os.environ["CHUNKS"])):
            await self.may.wait()
            self.transport.write(CHUNK)
            await asyncio.sleep(0)
        self.transport.write(b"0\r\n\r\n")
        if close:
            self.transport.close()


async def upstream(port: int, path: str) -> None:
    """Answer at a port and at a unix socket, for ever."""
    loop = asyncio.get_running_loop()
    # Both are kept: uvloop closes a server that nobody refers to.
    local = await loop.create_unix_server(Answering, path, backlog=1024)
    server = await loop.create_server(Answering, "127.0.0.1", port, backlog=1024)
    await asyncio.gather(local.serve_forever(), server.serve_forever())


class Measured(NamedTuple):
    """What all streams of a round did; seconds."""

    rate: float
    first: float
    cpu: float
    broken: float


async def read(peer: peers.Peer) -> tuple[float, int]:
    """Read one stream; seconds to its first event, and how many came."""
    began = time.perf_counter()
    reader, writer = await asyncio.open_connection("127.0.0.1", peer.port, limit=2**20)
    writer.write(REQUEST)
    await reader.readuntil(b"data: ")
    first, seen = time.perf_counter() - began, 1
    last = b""
    while data := await reader.read(2**18):
        seen += (last[-5:] + data).count(b"data: ")
        last = data
    writer.close()
    return first, seen


async def round_of(peer: peers.Peer, streams: int, chunks: int) -> Measured:
    """Read all streams at once."""
    before, began = peer.cpu(), time.perf_counter()
    firsts, seen = zip(*await asyncio.gather(*(read(peer) for _ in range(streams))), strict=True)
    rate = sum(seen) / (time.perf_counter() - began)
    broken = sum(each != chunks for each in seen)
    return Measured(rate, statistics.median(firsts), (peer.cpu() - before) / sum(seen), broken)


def measure(running: list[peers.Peer], args: argparse.Namespace) -> dict[str, Measured]:
    """Let all take turns, and once before to warm up; the medians."""

    def read_all(peer: peers.Peer) -> Measured:
        return uvloop.run(round_of(peer, args.streams, args.chunks))

    ways = {peer.name: partial(read_all, peer) for peer in running}
    return {
        name: Measured(
            *map(statistics.median, zip(*(each[:3] for each in rounds), strict=True)),
            sum(each.broken for each in rounds),
        )
        for name, rounds in turns.in_turns(ways, args.rounds).items()
    }


def told(found: dict[str, Measured]) -> bool:
    """Print; whether an aim was missed."""
    missed = False
    eai = found["eai"]
    for name, seen in found.items():
        rate, first = eai.rate / seen.rate, eai.first / seen.first
        aim = AIMS.get((name, "rate"))
        missed |= (aim is not None and rate < aim) or eai.broken > 0
        print(
            f"{name:10} {seen.rate:8.0f} events/s  first after {seen.first * 1000:6.1f} ms  "
            f"cpu {seen.cpu * 1e6:4.1f} us an event  broken {seen.broken:.0f}  "
            f"eai: {rate:4.2f}x the events, {first:4.2f}x the time to the first"
            + (f"  (aim: at least {aim:g}x the events)" if aim else "")
        )
    return missed


def main() -> int:
    """Measure and print; 1 if an aim is missed."""
    if len(sys.argv) == 4 and sys.argv[1] == "upstream":
        uvloop.run(upstream(int(sys.argv[2]), sys.argv[3]))
    parser = turns.parser(__doc__)
    parser.add_argument("--streams", type=int, default=32)
    parser.add_argument("--chunks", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    if shutil.which("taskset") is None:
        raise SystemExit("no taskset, which gives each its core")
    os.sched_setaffinity(0, {int(peers.ELSE)})
    with tempfile.TemporaryDirectory(prefix="eai") as name:
        folder = Path(name)
        there = peers.Upstream(programs.free_port(), folder / "up.sock")
        words = (sys.executable, __file__, "upstream", str(there.port), there.socket)
        env = {**os.environ, "CHUNKS": str(args.chunks)}
        with (
            peers.started(*words, core=peers.ELSE, port=there.port, env=env, stderr=subprocess.STDOUT),
            peers.all_of(folder, there) as running,
        ):
            return int(told(measure(running, args)))


if __name__ == "__main__":
    sys.exit(main())

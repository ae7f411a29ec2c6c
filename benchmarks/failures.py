"""How many of 2,000 requests fail before the real engine, which closes connections on its own account.

    python benchmarks/failures.py [--requests 2000] [--concurrency 8 32]

The engine is llama.cpp's server, as the `xllamacpp` wheel has it, over a model of a few hundred kB. Half of
the requests are streams. One has failed if it is not answered with status 200 and an answer that is whole.
Each proxy has an engine of its own, started in the same way.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import peers
import programs
import turns
from models.chat import SENTENCE, write_chat
from support.engine import PROGRAMS, engine_tree, engines_over
from support.serving import Proxies, environment, served

ASK = {"model": "main", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 64}
FLAGS = ("--alias", "main", "-c", "4096", "-np", "4", "-t", "1")


async def one(client: aiohttp.ClientSession, url: str, number: int) -> str | None:
    """Ask once; how it failed, if it did."""
    stream = number % 2 == 1
    try:
        async with client.post(url, json={**ASK, "stream": stream}) as response:
            body = await response.read()
            if response.status != 200:
                return f"status {response.status}"
    except (aiohttp.ClientError, ConnectionError) as error:
        return type(error).__name__
    if stream:
        return None if body.endswith(b"data: [DONE]\n\n") else "an answer that is not whole"
    said = json.loads(body)["choices"][0]["message"]["content"]
    return None if said == SENTENCE else "another answer"


async def ask(peer: peers.Peer, requests: int, concurrency: int) -> tuple[Counter[str], float]:
    """Ask so many at once until all are answered; what failed, and seconds."""
    numbers, failed = iter(range(requests)), Counter[str]()
    url = f"http://127.0.0.1:{peer.port}/v1/chat/completions"
    connector = aiohttp.TCPConnector(limit=0)
    began = time.monotonic()
    async with aiohttp.ClientSession(connector=connector) as client:

        async def some() -> None:
            for number in numbers:
                if (how := await one(client, url, number)) is not None:
                    failed[how] += 1

        await asyncio.gather(*(some() for _ in range(concurrency)))
    return failed, time.monotonic() - began


@contextlib.contextmanager
def engine(folder: Path, weights: Path) -> Iterator[peers.Upstream]:
    """The engine alone, at a unix socket and, as a second process, at a port for who knows no other."""
    port = programs.free_port()
    tree = folder / "tree"
    tree.mkdir()
    paths = f"{PROGRAMS}:{engine_tree(tree)}"
    flags = ("-m", str(weights), *FLAGS)
    words = (*programs.TCP_ENGINE, str(port), *flags)
    with engines_over(tree) as engines, programs.running(*words, env={"PYTHONPATH": paths}) as at_a_port:
        on_socket = engines.start(*flags).until_ready()
        peers.listening(port, at_a_port)
        yield peers.Upstream(port, on_socket.socket)


@contextlib.contextmanager
def eai(folder: Path, weights: Path) -> Iterator[peers.Peer]:
    """eai, with an engine that it starts."""
    with contextlib.closing(Proxies(folder)) as proxies:
        proxy = proxies.start(environment(served(weights, "main", *FLAGS[2:], main=True)))
        proxy.until_ready()
        yield peers.Peer("eai", int(proxy.url.rpartition(":")[2]), proxy.process.pid)


def main() -> int:
    """Ask all and print; 1 if eai lost a request."""
    parser = turns.parser(__doc__)
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--concurrency", type=int, nargs="+", default=[8, 32])
    args = parser.parse_args()
    lost = 0
    with tempfile.TemporaryDirectory(prefix="eai") as name:
        folder = Path(name)
        (weights,) = write_chat(folder / "chat.gguf")
        with (
            engine(folder, weights) as upstream,
            peers.all_of(folder, upstream, (peers.none, peers.nginx, peers.llama_swap)) as others,
            eai(folder, weights) as ours,
        ):
            for concurrency in args.concurrency:
                for peer in (*others, ours):
                    failed, took = asyncio.run(ask(peer, args.requests, concurrency))
                    how = ", ".join(f"{times} {what}" for what, times in failed.most_common())
                    print(
                        f"c={concurrency:<3} {peer.name:10} {failed.total():5} of {args.requests} failed "
                        f"in {took:.1f} s{how and ': '}{how}",
                        flush=True,
                    )
                    lost += failed.total() if peer is ours else 0
    return int(lost > 0)


if __name__ == "__main__":
    sys.exit(main())

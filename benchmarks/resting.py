"""How much memory eai's proxy takes at rest, with three models known and one loaded.

    python benchmarks/resting.py [--requests 2000]

It is measured before the first request and after some thousand. PSS is what the proxy alone keeps in memory,
with its share of what it has in common with other processes; RSS counts that in full. Its engines are not in
it. The other proxies, which know one upstream, are shown beside it.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

import failures
import peers
import psutil
import turns
from proxy import ANSWER

AIM = 60.0
MIB = 2**20


def memory(peer: peers.Peer) -> tuple[float, float]:
    """PSS and RSS of a proxy, in MiB."""
    full = psutil.Process(peer.process).memory_full_info()
    return full.pss / MIB, full.rss / MIB


async def load(peer: peers.Peer, requests: int) -> None:
    """Ask many times."""
    failed, _ = await failures.ask(peer, requests, 16)
    if set(failed) - {"another answer", "an answer that is not whole"}:
        raise SystemExit(f"{peer.name} failed: {failed}")


def main() -> int:
    """Measure and print; 1 if the aim is missed."""
    parser = turns.parser(__doc__)
    parser.add_argument("--requests", type=int, default=2000)
    args = parser.parse_args()
    missed = False
    with tempfile.TemporaryDirectory(prefix="eai") as name:
        folder = Path(name)
        proxies = (peers.nginx, peers.llama_swap, peers.eai)
        with (
            peers.static_upstream(folder, ANSWER) as upstream,
            peers.all_of(folder, upstream, proxies) as running,
        ):
            for peer in running:
                for when in ("at its start", f"after {args.requests} requests"):
                    pss, rss = memory(peer)
                    missed |= peer.name == "eai" and pss > AIM
                    print(f"{peer.name:10} {when:22} PSS {pss:6.1f} MiB  RSS {rss:6.1f} MiB")
                    asyncio.run(load(peer, args.requests))
    print(f"(aim: eai at most {AIM:g} MiB PSS)")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())

"""Ask ten thousand requests of three models through every trouble at once, and account for each.

    python benchmarks/soak.py [--requests 10000] [--seed 1]

Two of the three models have room. Clients leave early; engines are killed; models are loaded and unloaded.
Every request must be answered whole, or refused with a clear status, unless its own client left or its
engine was killed here; and in the end no descriptor, socket, process or memory may be left.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import turns
from models.chat import SENTENCE
from support.proxies import Weights
from support.serving import Proxies, Proxy
from support.soak import Account, Left, Soak, rest, three_models

GROWTH = 30 * 2**20  # bytes of memory that the allocator may keep
SAYS = {"one": SENTENCE, "two": "I am the other one.", "three": SENTENCE}


async def soak(proxy: Proxy, requests: int, seed: int) -> tuple[Account, Left, Left, Left]:
    """Ask a tenth to warm up, then all; what was left at the start, after the tenth, and in the end."""
    first = await rest(proxy)
    await Soak(proxy, SAYS, requests // 10, random.Random(seed)).run()
    before = await rest(proxy)
    account = await Soak(proxy, SAYS, requests, random.Random(seed + 1)).run()
    return account, first, before, await rest(proxy)


def main() -> int:
    """Run it and print the account; 1 where anything was lost or left."""
    parser = turns.parser(__doc__)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="eai") as name:
        proxies = Proxies(Path(name))
        proxy = three_models(proxies, Weights(Path(name)))
        try:
            began = time.monotonic()
            account, first, before, after = asyncio.run(soak(proxy, args.requests, args.seed))
            took = time.monotonic() - began
            models = proxy.status()["models"]
            code = proxy.end()
        finally:
            proxies.close()
    waits = sorted(account.waits)
    loads, unloads, crashes = (sum(each[key] for each in models) for key in ("loads", "unloads", "crashes"))
    print(f"{args.requests:,} requests in {took:.0f} s: {dict(account.fates)}")
    print(f"troubles made: {dict(account.troubles)}; {loads} loads, {unloads} unloads, {crashes} crashes")
    print(f"whole answers: median {statistics.median(waits):.3f} s, longest {waits[-1]:.2f} s")
    print(f"left at the start:    {first}\nleft after a tenth:   {before}\nleft in the end:      {after}")
    print(*account.lost[:20], sep="\n")
    clean = (after.sockets, after.processes) == (before.sockets, before.processes)
    kept = after.files <= before.files and after.memory - before.memory <= GROWTH
    good = not account.lost and clean and kept and code == 0
    print("nothing promised was lost, nothing is left behind" if good else "it failed")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())

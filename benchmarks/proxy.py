"""What a small request costs through eai, as multiples of nginx and llama-swap.

    python benchmarks/proxy.py [--rounds 5] [--seconds 3] [--concurrency 1 16 64]

Everybody proxies the same upstream, an nginx that has one answer of about 1 KB in its memory, to the same
load, `wrk` with chat requests of 300 to 400 bytes, of a hundred different lengths; both share one core, and
each proxy has the other one. They take turns; medians of the rounds are compared. The upstream and wrk alone
do many times what any proxy does (`none`), so they limit nobody. `cpu` is the processor time of the proxy for
one request, which other programs on the machine disturb least; `added p50` is beyond that of `none`.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import NamedTuple

import peers
import turns

ANSWER = json.dumps(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": "main",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "lorem ipsum " * 70}}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 140, "total_tokens": 150},
    }
)
ASK = json.dumps({"model": "main", "messages": [{"role": "user", "content": "What is a zoo? " * 15}]})
SCRIPT = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
local bodies, at = {}, 0
for n = 1, 500 do
    bodies[n] = string.sub([==[ASK]==], 1, -2) .. ', "user": "' .. string.rep("u", n % 100) .. '"}'
end
request = function()
    at = at % #bodies + 1
    return wrk.format(nil, "/v1/chat/completions", nil, bodies[at])
end
done = function(summary, latency)
    local bad = summary.errors
    io.write(string.format("\\nRESULT %d %d %d %d %d\\n", summary.requests, summary.duration,
        latency:percentile(50), latency:percentile(99),
        bad.connect + bad.read + bad.write + bad.status + bad.timeout))
end
"""
AIMS = {("nginx", 1): ("p50", 1.2), ("nginx", 16): ("rate", 0.6), ("nginx", 64): ("rate", 0.6)} | {
    ("llama-swap", 16): ("rate", 5.0),
    ("llama-swap", 64): ("rate", 5.0),
}


class Measured(NamedTuple):
    """What wrk found; times are microseconds."""

    rate: float
    p50: float
    p99: float
    failed: float
    cpu: float


def load(peer: peers.Peer, concurrency: int, seconds: int, script: Path) -> Measured:
    """Ask one proxy for a while."""
    words = (
        "taskset",
        "-c",
        peers.ELSE,
        "wrk",
        "-t1",
        f"-c{concurrency}",
        f"-d{seconds}s",
        "-s",
        str(script),
    )
    before = peer.cpu()
    done = subprocess.run(
        (*words, f"http://127.0.0.1:{peer.port}/"), check=True, capture_output=True, text=True
    )
    line = next(line for line in done.stdout.splitlines() if line.startswith("RESULT"))
    requests, took, p50, p99, failed = map(float, line.split()[1:])
    return Measured(requests / took * 1e6, p50, p99, failed, (peer.cpu() - before) / requests * 1e6)


def measure(
    running: list[peers.Peer], concurrency: int, args: argparse.Namespace, script: Path
) -> dict[str, Measured]:
    """Let all take turns; the medians."""
    ways = {peer.name: partial(load, peer, concurrency, args.seconds, script) for peer in running}
    return {
        name: Measured(*map(statistics.median, zip(*rounds, strict=True)))
        for name, rounds in turns.in_turns(ways, args.rounds, warm=0).items()
    }


def told(found: dict[str, Measured], concurrency: int) -> bool:
    """Print one table; whether an aim was missed."""
    missed = False
    eai, none = found["eai"], found["none"]
    for name, seen in found.items():
        added = (eai.p50 - none.p50) / (seen.p50 - none.p50) if name not in {"none", "eai"} else 1.0
        ratios = {"rate": eai.rate / seen.rate, "p50": added}
        line = f"c={concurrency:<3} {name:10} {seen.rate:8.0f}/s  p50 {seen.p50:6.0f} us  "
        line += f"p99 {seen.p99:6.0f} us  cpu {seen.cpu:5.1f} us  failed {seen.failed:.0f}  "
        line += f"eai: {ratios['rate']:5.2f}x the requests"
        if name not in {"none", "eai"}:
            line += f", {added:4.2f}x the added p50, {seen.cpu and eai.cpu / seen.cpu:4.2f}x the cpu"
        if aim := AIMS.get((name, concurrency)):
            what, limit = aim
            kept = ratios[what] <= limit if what == "p50" else ratios[what] >= limit
            missed |= not kept
            line += f"  (aim: {'at most' if what == 'p50' else 'at least'} {limit:g}x {what})"
        print(line, flush=True)
    return missed


def main() -> int:
    """Measure and print; 1 if an aim is missed."""
    parser = turns.parser(__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--concurrency", type=int, nargs="+", default=[1, 16, 64])
    args = parser.parse_args()
    if shutil.which("wrk") is None:
        raise SystemExit("no wrk, which makes the load here: install it (Debian: wrk)")
    missed = False
    with tempfile.TemporaryDirectory(prefix="eai") as name:
        folder, script = Path(name), Path(name) / "load.lua"
        script.write_text(SCRIPT.replace("ASK", ASK))
        with (
            peers.static_upstream(folder, ANSWER) as upstream,
            peers.all_of(folder, upstream) as running,
        ):
            for concurrency in args.concurrency:
                missed |= told(measure(running, concurrency, args, script), concurrency)
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())

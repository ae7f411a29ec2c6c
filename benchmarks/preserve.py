"""How long preserving a file at a local Kubo takes, as multiples of other ways to get it there.

    python benchmarks/preserve.py [--mib 1024] [--rounds 3]

A file of random bytes, which nothing can compress, goes to a node of its own each time, which runs on
loopback and talks to nobody; making and starting the node is not measured, and some seconds lie between,
since memory that was just freed may be faster to write to than other memory. Compared are `eai preserve --to
kubo`, which also reads the object again before it names it, and reads back after it was sent; `ipfs add` of
the file; and what was done before: `tar | pigz --best | split`, and `ipfs add` of the parts. All go through
the node's RPC. Medians are compared; a Kubo is found through EAI_TEST_KUBO, PATH or ~/go/bin.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from support import kubo
from support.locked import lock, model

from zoo.lock import toml
from zoo.lock.model import File
from zoo.store import Store

AIMS = {"tar | pigz | split, ipfs add": 0.1, "ipfs add": 1.2}
MIB = 1 << 20
SETTLE = 4.0

Way = Callable[[Path, kubo.Node], None]


def write_file(path: Path, mib: int) -> None:
    """Write so many MiB of random bytes, the same each time."""
    source = random.Random(0)
    with path.open("wb") as out:
        for _ in range(mib):
            out.write(source.randbytes(MIB))


def project(folder: Path, mib: int) -> None:
    """Make a project whose one model is the file, which its store holds."""
    source = folder / "model" / "file.gguf"
    source.parent.mkdir()
    write_file(source, mib)
    digest, _ = Store(folder / "home" / "store").adopt(source)
    toml.write(folder / "zoo.lock", lock(model("m", File(path="file.gguf", digest=digest), main=True)))


def eai(folder: Path, node: kubo.Node) -> None:
    """Preserve the model of the project."""
    path = folder / "zoo.lock"
    before = path.read_bytes()
    environment = {
        **os.environ,
        "EAI_HOME": str(folder / "home"),
        "EAI_KUBO_API": node.api,
        "PYTHONPATH": str(Path(__file__).parents[1]),
    }
    command = [sys.executable, "-m", "zoo", "-q", "preserve", "--to", "kubo"]
    subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
    path.write_bytes(before)


def add(folder: Path, node: kubo.Node) -> None:
    """Add the file."""
    node.ipfs("add", "--quieter", "--progress=false", str(folder / "model" / "file.gguf"), stdin=b"")


def archive(folder: Path, node: kubo.Node) -> None:
    """Do as was done before."""
    parts = folder / "parts"
    parts.mkdir()
    pipe = f"tar -cf - model | pigz --best | split -b 512M - {parts}/part-"
    subprocess.run(["bash", "-o", "pipefail", "-c", pipe], cwd=folder, check=True)
    for part in sorted(parts.iterdir()):
        node.ipfs("add", "--quieter", "--progress=false", str(part), stdin=b"")
    shutil.rmtree(parts)


def measure(folder: Path, ways: dict[str, Way], rounds: int) -> dict[str, float]:
    """Run all in turn, each with a new node; the median of each, in seconds."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            repo = folder / "repo"
            kubo.make(repo)
            with kubo.running(repo) as node:
                os.sync()  # nobody should wait for what another one wrote
                time.sleep(SETTLE)
                began = time.perf_counter()
                way(folder, node)
                seconds[name].append(time.perf_counter() - began)
            shutil.rmtree(repo)
    return {name: statistics.median(taken) for name, taken in seconds.items()}


def main() -> int:
    """Measure and print; 1 if an aim is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mib", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    ways: dict[str, Way] = {"eai preserve": eai, "ipfs add": add}
    if shutil.which("pigz"):
        ways["tar | pigz | split, ipfs add"] = archive
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        project(folder, args.mib)
        medians = measure(folder, ways, args.rounds)
    print(f"preserving {args.mib} MiB of random bytes at a local Kubo, medians of {args.rounds} runs")
    failed = False
    for label, median in medians.items():
        ratio = medians["eai preserve"] / median
        aim = AIMS.get(label)
        failed |= aim is not None and ratio > aim
        told = f"  (aim: eai takes at most {aim:g}x)" if aim else ""
        print(f"{label:30} {median:6.2f} s  {args.mib / median:6.0f} MiB/s  eai takes {ratio:5.2f}x{told}")
    for label in AIMS.keys() - medians.keys():
        print(f"{label:30} not measured: there is no pigz on this machine")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())

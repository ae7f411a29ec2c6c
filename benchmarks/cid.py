"""How long the CID of a file takes, as multiples of what else would hash it.

    python benchmarks/cid.py [--mib 2048] [--rounds 5]

Everything reads the same file of random bytes from the page cache, in turn, so that whatever else the
machine does meets all alike; medians are compared. Compared are `sha256sum`, `openssl dgst -sha256` (which
uses the processor's SHA instructions where sha256sum may not), and `ipfs add --only-hash` under the same
profile, found through EAI_TEST_KUBO, PATH or ~/go/bin. What is not there is said to be not measured.
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
from functools import partial
from pathlib import Path

from zoo.ipfs import builder
from zoo.ipfs.profiles import UNIXFS_V1_2025

AIMS = {"sha256sum": 1.2, "ipfs add --only-hash": 0.8}
MIB = 1 << 20
PROFILE = UNIXFS_V1_2025


def write_file(path: Path, mib: int) -> None:
    """Write so many MiB of random bytes, the same each time."""
    source = random.Random(0)
    with path.open("wb") as out:
        for _ in range(mib):
            out.write(source.randbytes(MIB))


def our_cid(path: Path, jobs: int | None = None) -> str:
    """Make the CID as eai does."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        size = os.fstat(descriptor).st_size
        dag = builder.build(
            lambda offset, length: os.pread(descriptor, length, offset), size, PROFILE, jobs=jobs
        )
    finally:
        os.close(descriptor)
    return str(dag.root)


def output(*command: str) -> str:
    """Run a command; its last word."""
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return done.stdout.split()[-1] if done.stdout.split() else ""


def kubo() -> str | None:
    """Find a Kubo."""
    places = [os.environ.get("EAI_TEST_KUBO"), shutil.which("ipfs"), str(Path.home() / "go" / "bin" / "ipfs")]
    return next((place for place in places if place and Path(place).is_file()), None)


def contenders(path: Path, folder: Path) -> dict[str, Callable[[], str]]:
    """Give each way to hash the file that this machine has, and what it answers."""
    ways: dict[str, Callable[[], str]] = {
        "eai": lambda: our_cid(path),
        "eai, one thread": lambda: our_cid(path, 1),
    }
    for name, command in {"sha256sum": ["sha256sum"], "openssl dgst": ["openssl", "dgst", "-sha256"]}.items():
        if shutil.which(command[0]):
            ways[name] = partial(output, *command, str(path))
    if (program := kubo()) is not None:
        options = ("--repo-dir", str(folder / "ipfs"), "--offline")
        output(program, *options, "init", "--empty-repo")
        flags = (
            "--only-hash",
            "--quieter",
            "--cid-version=1",
            "--raw-leaves=true",
            f"--chunker=size-{PROFILE.chunk}",
            f"--max-file-links={PROFILE.width}",
        )
        ways["ipfs add --only-hash"] = partial(output, program, *options, "add", *flags, str(path))
    return ways


def measure(ways: dict[str, Callable[[], str]], rounds: int) -> tuple[dict[str, float], dict[str, str]]:
    """Run all in turn; the median of each in seconds, and its answer."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    answers: dict[str, str] = {}
    for turn in range(rounds + 1):
        for name, way in ways.items():
            began = time.perf_counter()
            answers[name] = way()
            if turn:  # the first fills the page cache
                seconds[name].append(time.perf_counter() - began)
    return {name: statistics.median(taken) for name, taken in seconds.items()}, answers


def main() -> int:
    """Measure and print; 1 if an aim is missed, or a Kubo has another CID."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mib", type=int, default=2048)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "file"
        write_file(path, args.mib)
        medians, answers = measure(contenders(path, Path(name)), args.rounds)
    print(f"CID of {args.mib} MiB under {PROFILE.name}: {answers['eai']}, medians of {args.rounds} runs")
    failed = False
    for label, median in medians.items():
        ratio = medians["eai"] / median
        aim = AIMS.get(label)
        failed |= aim is not None and ratio > aim
        told = f"  (aim: eai takes at most {aim:g}x)" if aim else ""
        print(f"{label:22} {median:6.2f} s  {args.mib / median:6.0f} MiB/s  eai takes {ratio:5.2f}x{told}")
    for label in AIMS.keys() - medians.keys():
        print(f"{label:22} not measured: not on this machine")
    other = answers.get("ipfs add --only-hash", answers["eai"])
    if other != answers["eai"]:
        print(f"ipfs says {other}")
        failed = True
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())

"""How fast `eai store verify` is, against sha256sum of the same files, and b3sum where there is one.

usage: python benchmarks/verify.py [--size MIB] [--files N] [--rounds N] [--folder DIR]

The objects are as `eai fetch` leaves them. Each round runs every program once, as a whole process.
The last lines are the ratios of the medians; below 1 eai is faster.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from zoo.store import Store


def main() -> None:
    """Compare them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, default=4096, help="MiB in all (default: 4096)")
    parser.add_argument("--files", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=Path.cwd(), help="where the files go: a real disk")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.folder, prefix="bench-verify-") as name:
        _compare(Path(name), args.size // args.files, args.files, args.rounds)


def _compare(home: Path, size: int, files: int, rounds: int) -> None:
    store = Store(home / "store")
    for number in range(files):
        _adopt(store, home / "file", size, number)
    objects = [str(store.object(digest)) for digest in store.sizes()]
    programs = {
        "eai store verify": [sys.executable, "-m", "zoo", "-q", "store", "verify"],
        "sha256sum": ["sha256sum", *objects],
    }
    if shutil.which("b3sum"):
        programs["b3sum"] = ["b3sum", *objects]
    times: dict[str, list[float]] = {name: [] for name in programs}
    for number in range(rounds + 1):
        for name, command in programs.items():
            took = _timed(command, home)
            if number:  # the first round warms the caches
                times[name].append(took)
        print(number or "warm-up", {name: round(took[-1], 2) for name, took in times.items() if took})
    medians = {name: statistics.median(took) for name, took in times.items()}
    for name in list(programs)[1:]:
        print(f"ratio to {name}: {medians['eai store verify'] / medians[name]:.2f}x")


def _adopt(store: Store, path: Path, size: int, number: int) -> None:
    block = os.urandom(1 << 20)
    with path.open("wb") as file:
        for at in range(size):
            file.write((at + number * size).to_bytes(8, "big") + block[8:])
    store.adopt(path)
    path.unlink()


def _timed(command: list[str], home: Path) -> float:
    begin = time.perf_counter()
    env = {**os.environ, "EAI_HOME": str(home)}
    subprocess.run(command, check=True, env=env, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begin


if __name__ == "__main__":
    main()

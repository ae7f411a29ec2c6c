"""How fast eai fetches: a file from a local server into the store, verified, against curl and sha256sum.

usage: python benchmarks/fetch.py [--size MIB] [--rounds N] [--jobs N] [--folder DIR]

Both read from the same server process and write to the same disk, in turns; `curl` is followed by
`sha256sum` of what it wrote. eai's object is on the disk when it is done, so the second ratio also
counts a `sync` of curl's file. The ratios are of the medians, eai to curl; below 1 eai is faster.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from zoo.digest import Digest
from zoo.fetch.plan import plan
from zoo.fetch.run import JOBS, fetch
from zoo.lock.model import Artifact
from zoo.sources.registry import sources
from zoo.store import Store


def main() -> None:
    """Compare them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, default=2048, help="MiB (default: 2048)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=JOBS)
    parser.add_argument("--folder", type=Path, default=Path.cwd(), help="where the files go: a real disk")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.folder, prefix="bench-fetch-") as name:
        _compare(Path(name), args.size, args.rounds, args.jobs)


def _compare(folder: Path, size: int, rounds: int, jobs: int) -> None:
    source = folder / "source.gguf"
    digest = _make(source, size)
    server = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("fileserver.py")), str(source)], stdout=subprocess.PIPE
    )
    try:
        assert server.stdout is not None
        url = f"http://127.0.0.1:{int(server.stdout.readline())}/source.gguf"
        artifact = Artifact(digest=digest, size=size << 20, url=(url,))
        ours, theirs, synced = [], [], []
        for number in range(rounds + 1):
            (curl, sync), eai = (
                _curl(url, folder / "curl.gguf", digest),
                _eai(artifact, folder / "store", jobs),
            )
            if number:  # the first round warms the caches
                theirs.append(curl)
                synced.append(curl + sync)
                ours.append(eai)
            print(f"{number or 'warm-up'}: curl + sha256sum {curl:.2f} s, sync {sync:.2f} s, eai {eai:.2f} s")
    finally:
        server.kill()
        server.wait()
    print(f"ratio: {statistics.median(ours) / statistics.median(theirs):.2f}x")
    print(f"ratio, with sync: {statistics.median(ours) / statistics.median(synced):.2f}x")


def _make(path: Path, size: int) -> Digest:
    block, whole = os.urandom(1 << 20), hashlib.sha256()
    with path.open("wb") as file:
        for number in range(size):
            piece = number.to_bytes(8, "big") + block[8:]
            file.write(piece)
            whole.update(piece)
        os.fsync(file.fileno())
    return Digest.of_hex(whole.hexdigest())


def _curl(url: str, target: Path, digest: Digest) -> tuple[float, float]:
    begin = time.perf_counter()
    subprocess.run(["curl", "-s", "-o", str(target), url], check=True)
    line = subprocess.run(["sha256sum", str(target)], check=True, capture_output=True, text=True).stdout
    took = time.perf_counter() - begin
    subprocess.run(["sync", str(target)], check=True)
    sync = time.perf_counter() - begin - took
    assert line.startswith(digest.hex)
    target.unlink()
    return took, sync


def _eai(artifact: Artifact, folder: Path, jobs: int) -> float:
    begin = time.perf_counter()
    store = Store(folder)
    todo = plan([artifact], store)
    found = sources(base=folder, env={}, offline=False)
    fetch(todo, store, found, progress=lambda _: None, offline=False, jobs=jobs)
    took = time.perf_counter() - begin
    assert store.has(artifact.digest)
    shutil.rmtree(folder)
    return took


if __name__ == "__main__":
    main()

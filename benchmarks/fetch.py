"""How fast eai fetches: a file from a local server into the store, verified, against curl and sha256sum.

    python benchmarks/fetch.py [--size MIB] [--rounds N] [--jobs N] [--folder DIR]

Both read from the same server process and write to the same disk, in turns; `curl` is followed by
`sha256sum` of what it wrote. eai's object is on the disk when it is done, so curl also goes once more, with
a `sync` of its file. Medians are compared.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import turns

from zoo.digest import Digest
from zoo.fetch.plan import plan
from zoo.fetch.run import JOBS, fetch
from zoo.lock.model import Artifact
from zoo.sources.registry import sources
from zoo.store import Store


def main() -> None:
    """Compare them."""
    parser = turns.parser(__doc__)
    parser.add_argument("--size", type=int, default=2048, help="MiB (default: 2048)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=JOBS)
    parser.add_argument("--folder", type=Path, default=Path.cwd(), help="where the files go: a real disk")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.folder, prefix="bench-fetch-") as name:
        medians = _measure(Path(name), args.size, args.rounds, args.jobs)
    print(f"fetching {args.size} MiB from a local server, medians of {args.rounds} runs")
    turns.told(medians, "eai", args.size)


def _measure(folder: Path, size: int, rounds: int, jobs: int) -> dict[str, float]:
    source = folder / "source.gguf"
    digest = turns.write_file(source, size)
    server = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("fileserver.py")), str(source)], stdout=subprocess.PIPE
    )
    try:
        assert server.stdout is not None
        url = f"http://127.0.0.1:{int(server.stdout.readline())}/source.gguf"
        artifact = Artifact(digest=digest, size=size * turns.MIB, url=(url,))
        curl = partial(_curl, url, folder / "curl.gguf", digest)
        ways = {
            "curl, sha256sum": partial(curl, sync=False),
            "curl, sha256sum, sync": partial(curl, sync=True),
            "eai": partial(_eai, artifact, folder / "store", jobs),
        }
        return turns.medians(ways, rounds)
    finally:
        server.kill()
        server.wait()


def _curl(url: str, target: Path, digest: Digest, *, sync: bool) -> float:
    begin = time.perf_counter()
    subprocess.run(["curl", "-s", "-o", str(target), url], check=True)
    line = subprocess.run(["sha256sum", str(target)], check=True, capture_output=True, text=True).stdout
    if sync:
        subprocess.run(["sync", str(target)], check=True)
    took = time.perf_counter() - begin
    assert line.startswith(digest.hex)
    target.unlink()
    return took


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

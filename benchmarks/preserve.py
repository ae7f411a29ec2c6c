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

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import turns
from support import kubo
from support.locked import lock, model

from zoo.lock import toml
from zoo.lock.model import File
from zoo.store import Store

AIMS = {"tar | pigz | split, ipfs add": 0.1, "ipfs add": 1.2}

Way = Callable[[Path, kubo.Node], None]


def project(folder: Path, mib: int) -> None:
    """Make a project whose one model is the file, which its store holds."""
    source = folder / "model" / "file.gguf"
    source.parent.mkdir()
    turns.write_file(source, mib)
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


def measured(folder: Path, way: Way) -> float:
    """Go one way with a new node; seconds."""
    repo = folder / "repo"
    kubo.make(repo)
    with kubo.running(repo) as node:
        turns.settle()
        seconds = turns.timed(lambda: way(folder, node))
    shutil.rmtree(repo)
    return seconds


def main() -> int:
    """Measure and print; 1 if an aim is missed."""
    parser = turns.parser(__doc__)
    parser.add_argument("--mib", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    ways: dict[str, Way] = {"eai preserve": eai, "ipfs add": add}
    if shutil.which("pigz"):
        ways["tar | pigz | split, ipfs add"] = archive
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        project(folder, args.mib)
        clocked = {name: partial(measured, folder, way) for name, way in ways.items()}
        medians = turns.medians(clocked, args.rounds, warm=0)
    print(f"preserving {args.mib} MiB of random bytes at a local Kubo, medians of {args.rounds} runs")
    return int(turns.told(medians, "eai preserve", args.mib, AIMS))


if __name__ == "__main__":
    sys.exit(main())

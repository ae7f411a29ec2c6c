"""How long a verified fetch from a local Kubo takes, as multiples of ways that verify less or more.

    python benchmarks/ipfs_fetch.py [--size 1024] [--rounds 3] [--jobs 8] [--folder DIR]

A node has a file of random bytes. eai fetches it from the node's gateway block by block, checks each, and
has it in a store and on the disk in the end. `curl` gets the file from the same gateway in one piece and
checks nothing, once without and once with a `sync` of what it wrote. `ipfs get` is asked of a second node
with an empty repository, which is connected to the first one's swarm over loopback, gets the blocks from
there and keeps them too; making, starting and connecting it is not measured. What the work itself takes on
this machine is shown by two programs in C that do it: `curl` gets every block, eight at a time, and
`openssl` then hashes each of them and, at the same time, all of them together. All take turns and write to
the same folder, some seconds apart, since memory that was just freed may be faster to write to than other
memory; medians are compared. A Kubo is found through EAI_TEST_KUBO, PATH or ~/go/bin.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import turns
from support import kubo

from zoo.config import Config, Ipfs
from zoo.fetch.plan import plan
from zoo.fetch.run import JOBS, fetch
from zoo.lock.model import Artifact
from zoo.sources.registry import sources
from zoo.store import Store

AIMS = {"curl": 1.5}
SWARM = {"Addresses.Swarm": ["/ip4/127.0.0.1/tcp/0"]}


@dataclass(frozen=True)
class Task:
    """What is to be fetched.

    Attributes:
        folder: Where everything goes.
        node: Who has it.
        root: Its CID.
        artifact: The same, as a lock has it.
        jobs: How many streams eai may use.
    """

    folder: Path
    node: kubo.Node
    root: str
    artifact: Artifact
    jobs: int

    def eai(self) -> float:
        """Fetch it into a new store."""
        home = self.folder / "store"
        began = time.perf_counter()
        store = Store(home)
        config = Config(ipfs=Ipfs(gateways=(self.node.gateway,)))
        found = sources(base=home, env={}, offline=False, config=config)
        fetch(
            plan([self.artifact], store),
            store,
            found,
            progress=lambda _: None,
            offline=False,
            jobs=self.jobs,
        )
        taken = time.perf_counter() - began
        assert store.has(self.artifact.digest)
        shutil.rmtree(home)
        return taken

    def curl(self, *, sync: bool) -> float:
        """Get it as a file from the gateway, and onto the disk."""
        path = self.folder / "curl"
        began = time.perf_counter()
        subprocess.run(
            ["curl", "--silent", "--fail", "-o", path, f"{self.node.gateway}/ipfs/{self.root}"], check=True
        )
        if sync:
            subprocess.run(["sync", path], check=True)
        taken = time.perf_counter() - began
        self._same(path)
        return taken

    def blocks(self) -> float:
        """Get the blocks, and hash each and all."""
        cids = self.node.ipfs("refs", self.root).decode().split()
        folder = self.folder / "blocks"
        folder.mkdir()
        wanted = "".join(
            f'url = "{self.node.gateway}/ipfs/{cid}?format=raw"\noutput = "{folder}/{index:06}"\n'
            for index, cid in enumerate(cids)
        )
        config = self.folder / "wanted"
        config.write_text(wanted)
        hashing = "openssl dgst -sha256 * > /dev/null & cat * | openssl dgst -sha256; wait"
        began = time.perf_counter()
        subprocess.run(
            ["curl", "--silent", "--fail", "--parallel", "--parallel-max", "8", "--config", config],
            check=True,
            stderr=subprocess.DEVNULL,
        )
        done = subprocess.run(["sh", "-c", hashing], cwd=folder, check=True, capture_output=True, text=True)
        taken = time.perf_counter() - began
        assert done.stdout.split()[-1] == self.artifact.digest.hex
        shutil.rmtree(folder)
        return taken

    def get(self) -> float:
        """Get it through another node, which has nothing yet."""
        repo, path = self.folder / "second", self.folder / "got"
        kubo.make(repo, config=SWARM)
        with kubo.running(repo, offline=False) as second:
            address = json.loads(self.node.ipfs("id"))["Addresses"][0]
            second.ipfs("swarm", "connect", address)
            began = time.perf_counter()
            second.ipfs("get", "--progress=false", "--output", str(path), self.root)
            taken = time.perf_counter() - began
        shutil.rmtree(repo)
        self._same(path)
        return taken

    def _same(self, path: Path) -> None:
        with path.open("rb") as file:
            assert hashlib.file_digest(file, "sha256").hexdigest() == self.artifact.digest.hex
        path.unlink()


def settled(way: Callable[[], float]) -> float:
    """Go one way once the machine is at rest; seconds."""
    turns.settle()
    return way()


def measure(task: Task, rounds: int) -> dict[str, float]:
    """Run all in turn; the median of each, in seconds."""
    ways = {
        "eai": task.eai,
        "curl": partial(task.curl, sync=False),
        "curl, sync": partial(task.curl, sync=True),
        "curl of the blocks, openssl": task.blocks,
        "ipfs get": task.get,
    }
    return turns.medians({name: partial(settled, way) for name, way in ways.items()}, rounds)


def main() -> int:
    """Measure and print; 1 if an aim is missed."""
    parser = turns.parser(__doc__)
    parser.add_argument("--size", type=int, default=1024, help="MiB (default: 1024)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=JOBS)
    parser.add_argument("--folder", type=Path, help="where the files go (default: the temporary folder)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.folder, prefix="bench-ipfs-") as name:
        folder = Path(name)
        digest = turns.write_file(folder / "file", args.size)
        kubo.make(folder / "first", config=SWARM)
        with kubo.running(folder / "first", offline=False) as node:
            root = node.ipfs("add", "-Q", "--progress=false", str(folder / "file")).decode().strip()
            (folder / "file").unlink()
            artifact = Artifact(digest=digest, size=args.size * turns.MIB, ipfs=(f"ipfs://{root}",))
            medians = measure(Task(folder, node, root, artifact, args.jobs), args.rounds)
    print(f"fetching {args.size} MiB of random bytes from a local Kubo, medians of {args.rounds} runs")
    return int(turns.told(medians, "eai", args.size, AIMS))


if __name__ == "__main__":
    sys.exit(main())

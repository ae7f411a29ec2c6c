"""How long the CID of a file takes, as multiples of what else would hash it.

    python benchmarks/cid.py [--mib 2048] [--rounds 5]

Everything reads the same file of random bytes from the page cache, in turn, so that whatever else the
machine does meets all alike; medians are compared. Compared are `sha256sum`, `openssl dgst -sha256` (which
uses the processor's SHA instructions where sha256sum may not), and `ipfs add --only-hash` under the same
profile, found through EAI_TEST_KUBO, PATH or ~/go/bin. What is not there is said to be not measured.
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

from zoo.ipfs import builder
from zoo.ipfs.profiles import UNIXFS_V1_2025

AIMS = {"sha256sum": 1.2, "ipfs add --only-hash": 0.8}
PROFILE = UNIXFS_V1_2025


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


def contenders(path: Path, folder: Path) -> dict[str, Callable[[], str]]:
    """Give each way to hash the file that this machine has, and what it answers."""
    ways: dict[str, Callable[[], str]] = {
        "eai": lambda: our_cid(path),
        "eai, one thread": lambda: our_cid(path, 1),
    }
    for name, command in {"sha256sum": ["sha256sum"], "openssl dgst": ["openssl", "dgst", "-sha256"]}.items():
        if shutil.which(command[0]):
            ways[name] = partial(output, *command, str(path))
    if (program := kubo.at_hand()) is not None:
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
    answers: dict[str, str] = {}

    def asked(name: str) -> None:
        answers[name] = ways[name]()

    clocked = {name: partial(turns.timed, partial(asked, name)) for name in ways}
    return turns.medians(clocked, rounds), answers


def main() -> int:
    """Measure and print; 1 if an aim is missed, or a Kubo has another CID."""
    parser = turns.parser(__doc__)
    parser.add_argument("--mib", type=int, default=2048)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "file"
        turns.write_file(path, args.mib)
        medians, answers = measure(contenders(path, Path(name)), args.rounds)
    print(f"CID of {args.mib} MiB under {PROFILE.name}: {answers['eai']}, medians of {args.rounds} runs")
    failed = turns.told(medians, "eai", args.mib, AIMS)
    other = answers.get("ipfs add --only-hash", answers["eai"])
    if other != answers["eai"]:
        print(f"ipfs says {other}")
        failed = True
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())

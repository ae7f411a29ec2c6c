"""How fast `eai store verify` is, against sha256sum of the same files, and b3sum where there is one.

    python benchmarks/verify.py [--size MIB] [--files N] [--rounds N] [--folder DIR]

The objects are as `eai fetch` leaves them. Each round runs every program once, as a whole process; medians
are compared.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import turns

from zoo.store import Store


def main() -> None:
    """Compare them."""
    parser = turns.parser(__doc__)
    parser.add_argument("--size", type=int, default=4096, help="MiB in all (default: 4096)")
    parser.add_argument("--files", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=Path.cwd(), help="where the files go: a real disk")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.folder, prefix="bench-verify-") as name:
        medians = _measure(Path(name), args.size // args.files, args.files, args.rounds)
    print(f"verifying {args.files} objects of {args.size} MiB in all, medians of {args.rounds} runs")
    turns.told(medians, "eai store verify", args.size)


def _measure(home: Path, size: int, files: int, rounds: int) -> dict[str, float]:
    store = Store(home / "store")
    path = home / "file"
    for number in range(files):
        turns.write_file(path, size, seed=number)
        store.adopt(path)
        path.unlink()
    objects = [str(store.object(digest)) for digest in store.sizes()]
    programs = {
        "eai store verify": [sys.executable, "-m", "zoo", "-q", "store", "verify"],
        "sha256sum": ["sha256sum", *objects],
    }
    if shutil.which("b3sum"):
        programs["b3sum"] = ["b3sum", *objects]
    env = {**os.environ, "EAI_HOME": str(home)}
    run = partial(subprocess.run, check=True, env=env, stdout=subprocess.DEVNULL)
    ways = {name: partial(turns.timed, partial(run, command)) for name, command in programs.items()}
    return turns.medians(ways, rounds)


if __name__ == "__main__":
    main()

"""How long `eai --version` and `eai lock --check` take, as multiples of `python -c pass`.

    python benchmarks/startup.py [--models 200] [--rounds 40]

The runs alternate, so that whatever else the machine does meets all of them alike, and medians are
compared. The lock that is checked is fresh and canonical, and has that many models. Bytecode is kept
between the runs, as it is where eai is installed: PYTHONDONTWRITEBYTECODE is not handed on.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import turns

from zoo.digest import Digest
from zoo.lock import toml
from zoo.lock.freshness import stale, toolchain_requests
from zoo.lock.model import VERSION, Artifact, Build, Facts, File, Lock, Model, Toolchain
from zoo.lock.settings import memory, settle
from zoo.zoofile import read
from zoo.zoofile.model import Sampling, Zoofile
from zoo.zoofile.request import main_model, request_of

AIMS = {"eai --version": 4.0, "eai lock --check": 8.0}
COMMIT = "0123456789abcdef0123456789abcdef01234567"
PLATFORMS = ("linux-aarch64", "linux-x86_64", "macos-arm64")
SIZE = 4_661_212_576
FACTS = Facts(
    architecture="llama",
    quantisation="Q4_K_M",
    context_length=131072,
    embedding=False,
    chat_template=True,
    mmproj=False,
    kv_token=131072,
    overhead=300_000_000,
    sampling=Sampling(temperature=0.6, top_k=20, top_p=0.95),
)


def zoofile_text(models: int) -> str:
    """Write a zoofile with so many models, every third with settings of its own."""
    parts = ['[zoo]\nname = "startup"\n']
    for number in range(models):
        parts.append(
            f'\n[models.model-{number:03}]\nhf = "owner-{number % 20}/repo-{number}-GGUF"\n'
            f'file = "repo-{number}-Q4_K_M.gguf"\n'
        )
        if number % 3 == 0:
            parts.append("context-length = 8192\nsampling = { temperature = 0.7, top-k = 20 }\n")
    return "".join(parts)


def locked_models(zoofile: Zoofile) -> Iterator[tuple[Model, Artifact]]:
    """Lock models without asking anyone: digests of our own invention, facts of a usual model."""
    for number, (name, declared) in enumerate(zoofile.models.items(), 100):
        digest = Digest.of_hex(f"{number:064x}")
        settings = settle(declared, FACTS, main=name == main_model(zoofile))
        model = Model(
            name=name,
            request=request_of(name, declared),
            facts=FACTS,
            settings=settings,
            memory=memory(FACTS, settings, SIZE),
            weights=(File(path=f"{declared.file}", digest=digest),),
        )
        uri = f"hf://{declared.hf}@{COMMIT}/{declared.file}"
        yield model, Artifact(digest=digest, size=SIZE, hf=(uri,))


def locked_toolchain(zoofile: Zoofile) -> Iterator[tuple[Toolchain, tuple[Artifact, ...]]]:
    """Lock toolchains in the same way."""
    for name, request in toolchain_requests(zoofile).items():
        builds, artifacts = [], []
        for number, platform in enumerate(PLATFORMS):
            digest = Digest.of_hex(f"{number:064x}")
            builds.append(Build(platform=platform, variant="cpu", program="bin", digest=digest))
            uri = f"pypi://xllamacpp@2026.10.11549/xllamacpp-2026.10.11549-{platform}.whl"
            artifacts.append(Artifact(digest=digest, size=33_827_498, pypi=(uri,)))
        yield Toolchain(name=name, request=request, version="b11549", builds=tuple(builds)), tuple(artifacts)


def prepare(folder: Path, models: int) -> None:
    """Write a project whose lock is fresh."""
    (folder / "zoofile.toml").write_text(zoofile_text(models), encoding="utf-8")
    zoofile = read.load(folder / "zoofile.toml")
    pairs = list(locked_models(zoofile))
    tools = list(locked_toolchain(zoofile))
    lock = Lock(
        version=VERSION,
        server=zoofile.server,
        model=tuple(model for model, _ in pairs),
        toolchain=tuple(tool for tool, _ in tools),
        artifact=(*(artifact for _, artifact in pairs), *(each for _, group in tools for each in group)),
    )
    toml.write(folder / "zoo.lock", lock)
    assert not stale(toml.load(folder / "zoo.lock"), zoofile)


def timed(command: list[str], folder: Path) -> float:
    """Run a command, which must succeed; seconds from before it is started until it is gone."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    begin = time.perf_counter()
    done = subprocess.run(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    seconds = time.perf_counter() - begin
    if done.returncode:
        sys.exit(f"{command}: {done.stderr.decode()}")
    return seconds


def program() -> list[str]:
    """The installed `eai` beside this interpreter, as a person starts it; else the module."""
    installed = Path(sys.executable).with_name("eai")
    return [str(installed)] if installed.exists() else [sys.executable, "-m", "zoo"]


def measure(folder: Path, rounds: int) -> dict[str, float]:
    """Run the commands in turn; the median of each, in seconds."""
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "eai --version": [*program(), "--version"],
        "eai lock --check": [*program(), "lock", "--check"],
    }
    ways = {label: partial(timed, command, folder) for label, command in commands.items()}
    return turns.medians(ways, rounds, warm=2)


def main() -> int:
    """Measure and print; 1 if an aim is missed."""
    parser = turns.parser(__doc__)
    parser.add_argument("--models", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=40)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        prepare(Path(name), args.models)
        size = (Path(name) / "zoo.lock").stat().st_size
        medians = measure(Path(name), args.rounds)
    print(f"{args.models} models, zoo.lock of {size:,} bytes, medians of {args.rounds} runs")
    failed = False
    for label, median in medians.items():
        ratio = median / medians["python -c pass"]
        aim, missed = turns.aimed(ratio, AIMS.get(label))
        failed |= missed
        print(f"{label:18} {median * 1000:7.1f} ms  {ratio:5.2f}x{aim}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())

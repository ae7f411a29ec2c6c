"""Time `eai up`, with everything present, to the first answer; against the same engine started by hand.

    python benchmarks/first_answer.py [--project DIR] [--rounds 15]

Without a project, one with the demo model is made, which needs a package index for the engine. Rounds
alternate. By hand means: the same command line, asked on its socket as soon as it answers.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import programs
import turns

from zoo.cli.project import open_store
from zoo.environment.build import realise
from zoo.environment.model import ServedModel
from zoo.lock.toml import load
from zoo.platform import current
from zoo.toolchains.choose import choose
from zoo.toolchains.machine import look

AIM = 0.300
EAI = (sys.executable, "-m", "zoo")
BODY = json.dumps({"messages": [{"role": "user", "content": "Hello!"}], "max_tokens": 1})
LOOK = 0.002


def first_answer(connect: programs.Connect) -> None:
    """Ask until somebody answers."""
    while True:
        connection = connect()
        with contextlib.suppress(OSError), contextlib.closing(connection):
            connection.request("POST", "/v1/chat/completions", BODY)
            response = connection.getresponse()
            response.read()
            if response.status == 200:
                return
        time.sleep(LOOK)


def by_hand(model: ServedModel, folder: Path) -> float:
    """Start the engine alone; seconds to its first answer."""
    began = time.perf_counter()
    with programs.engine_alone(model, folder) as connect:
        first_answer(connect)
        return time.perf_counter() - began


def by_eai(project: Path) -> float:
    """Start all of it; seconds to the first answer."""
    port = programs.free_port()
    command = (*EAI, "up", "--project", str(project), "--port", str(port))
    began = time.perf_counter()
    with programs.running(*command):
        first_answer(lambda: http.client.HTTPConnection("127.0.0.1", port))
        return time.perf_counter() - began


def demo(folder: Path) -> Path:
    """Make a project with the demo model, everything present."""
    for words in (("init", "--demo"), ("lock",), ("fetch",)):
        subprocess.run((*EAI, *words), cwd=folder, check=True)
    return folder


def main() -> int:
    """Alternate, and print both medians and what they differ by."""
    parser = turns.parser(__doc__)
    parser.add_argument("--project", type=Path)
    parser.add_argument("--rounds", type=int, default=15)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="eai") as made:
        folder = Path(made)
        project = (args.project or demo(folder)).absolute()
        lock = load(project / "zoo.lock")
        environment = realise(lock, current(), choose(lock, current(), look()), open_store())
        main_model = next(model for model in environment.models if model.main)
        ways = {"hand": partial(by_hand, main_model, folder), "eai": partial(by_eai, project)}
        medians = turns.medians(ways, args.rounds)
    hand, eai = medians["hand"], medians["eai"]
    more = eai - hand
    print(
        f"by hand {hand * 1000:.0f} ms, eai up {eai * 1000:.0f} ms: {more * 1000:+.0f} ms, {eai / hand:.2f}x "
        f"(medians of {args.rounds}; aim: at most {AIM * 1000:.0f} ms more)"
    )
    return int(more > AIM)


if __name__ == "__main__":
    sys.exit(main())

"""Time `eai up`, with everything present, to the first answer; against the same engine started by hand.

    python benchmarks/first_answer.py [--project DIR] [--rounds 15]

Without a project, one with the demo model is made, which needs a package index for the engine. Rounds
alternate. By hand means: the same command line, asked on its socket as soon as it answers.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

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


class Unix(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("engine")
        self.path = path

    def connect(self) -> None:
        """Open the socket."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(self.path))


def first_answer(connect: Callable[[], http.client.HTTPConnection]) -> None:
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


def timed(
    command: tuple[str, ...], connect: Callable[[], http.client.HTTPConnection], **more: object
) -> float:
    """Seconds from starting a program to its first answer; it is ended afterwards."""
    began = time.perf_counter()
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, **quiet, **more) as process:  # type: ignore[call-overload]
        first_answer(connect)
        took = time.perf_counter() - began
        process.send_signal(signal.SIGTERM)
    return took


def by_hand(model: ServedModel, folder: Path) -> float:
    """Start the engine alone."""
    path = folder / "hand.sock"
    path.unlink(missing_ok=True)
    ready, ready_theirs = os.pipe()
    alive_theirs, alive = os.pipe()
    command = model.engine.command(path, ready_fd=ready_theirs, alive_fd=alive_theirs)
    pipes = (ready_theirs, alive_theirs)
    try:
        return timed(command.argv, lambda: Unix(path), env=dict(command.env), cwd=command.cwd, pass_fds=pipes)
    finally:
        for pipe in (ready, alive, *pipes):
            os.close(pipe)


def by_eai(project: Path) -> float:
    """Start all of it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = (*EAI, "up", "--project", str(project), "--port", str(port))
    return timed(command, lambda: http.client.HTTPConnection("127.0.0.1", port))


def demo(folder: Path) -> Path:
    """Make a project with the demo model, everything present."""
    for words in (("init", "--demo"), ("lock",), ("fetch",)):
        subprocess.run((*EAI, *words), cwd=folder, check=True)
    return folder


def main() -> int:
    """Alternate, and print both medians and what they differ by."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--project", type=Path)
    parser.add_argument("--rounds", type=int, default=15)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="eai") as made:
        folder = Path(made)
        project = (args.project or demo(folder)).absolute()
        lock = load(project / "zoo.lock")
        environment = realise(lock, current(), choose(lock, current(), look()), open_store())
        main_model = next(model for model in environment.models if model.main)
        hand, eai = [], []
        for number in range(args.rounds + 1):
            times = by_hand(main_model, folder), by_eai(project)
            if number:  # the first round fills the page cache
                hand.append(times[0])
                eai.append(times[1])
    more = statistics.median(eai) - statistics.median(hand)
    sys.stdout.write(
        f"by hand {statistics.median(hand) * 1000:.0f} ms, eai up {statistics.median(eai) * 1000:.0f} ms: "
        f"{more * 1000:+.0f} ms, {statistics.median(eai) / statistics.median(hand):.2f}x "
        f"(medians of {args.rounds}; aim: at most {AIM * 1000:.0f} ms more)\n"
    )
    return 0 if more <= AIM else 1


if __name__ == "__main__":
    sys.exit(main())

"""Builds environments over tiny models and real engines, and runs their proxies as processes."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pickle
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
from msgspec import convert
from support.engine import PROGRAMS, wheel_folder

from zoo.digest import Digest
from zoo.environment.model import EngineProgram, Environment, ServedModel
from zoo.serve import state
from zoo.serve.rundir import RunDir, run_dir
from zoo.zoofile.model import Server

WAIT = 30
LAUNCHER = (sys.executable, "-S", "-P", "-B", "-m", "launcher")
MIB = 2**20


def served(
    weights: Path, name: str, *flags: str, program: tuple[str, ...] = LAUNCHER, **more: object
) -> ServedModel:
    """A model whose engine is the wheel's, unless another program is given."""
    engine = EngineProgram(
        program=program,
        flags=("-m", str(weights), "--alias", name, "-c", "4096", "-np", "2", "-t", "1", *flags),
        env={"PYTHONPATH": f"{PROGRAMS}:{wheel_folder()}", "LANG": "C.UTF-8"},
        cwd=weights.parent,
    )
    digest = Digest.of_hex(hashlib.sha256(weights.read_bytes()).hexdigest())
    facts = {"context_length": 2048, "created": 1_700_000_000, "memory": 100 * MIB, "digest": digest}
    return ServedModel(name=name, aliases=(weights.name,), engine=engine, **{**facts, **more})


def environment(*models: ServedModel, **server: object) -> Environment:
    """An environment of these models; the first is the main one if none is."""
    return Environment(
        id="e" * 64,
        platform="linux-x86_64",
        server=convert({key.replace("_", "-"): value for key, value in server.items()}, Server),
        models=models,
    )


@dataclass(slots=True)
class Proxy:
    """A running proxy process."""

    process: subprocess.Popen[bytes]
    run: RunDir
    url: str = ""
    said: list[dict[str, Any]] = field(default_factory=list)

    def until_ready(self) -> None:
        """Wait for its word, or for its end."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(json.loads(line))
            if "ready" in self.said[-1]:
                self.url = self.said[-1]["ready"]
                return
        self.process.wait(WAIT)

    def status(self) -> dict[str, Any]:
        """What `/api/status` says."""
        own = state.read(self.run)
        headers = own.headers if own is not None else {}
        answer: dict[str, Any] = httpx2.get(f"{self.url}/api/status", headers=headers).json()
        return answer

    def state_of(self, name: str) -> dict[str, Any]:
        """What it says about one model."""
        return next(model for model in self.status()["models"] if model["name"] == name)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait for the end; what it said last is in `said`."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)
        code = self.process.wait(WAIT)
        assert self.process.stdout is not None
        self.said += [json.loads(line) for line in self.process.stdout]
        return code


@dataclass(slots=True)
class Proxies:
    """Starts proxies, and ends them with the test."""

    folder: Path
    started: list[Proxy] = field(default_factory=list)

    def start(
        self, environment: Environment, *, project: str = "project", port: int = 0, **options: object
    ) -> Proxy:
        """Start the proxy of an environment, with more options; `until_ready` waits for it."""
        what = self.folder / f"{len(self.started)}.pickle"
        what.write_bytes(pickle.dumps((environment, options)))
        where = self.folder / project
        where.mkdir(exist_ok=True)
        program = Path(__file__).with_name("serve_program.py")
        process = subprocess.Popen(
            (sys.executable, str(program), str(what), str(self.folder / "data"), str(where), str(port)),
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TMPDIR": str(self.folder)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
        proxy = Proxy(process, run_dir(self.folder / "data", where))
        self.started.append(proxy)
        return proxy

    def close(self) -> None:
        """End them all."""
        for proxy in self.started:
            if proxy.process.poll() is None:
                proxy.end(signal.SIGKILL)
            if proxy.process.stdout is not None:
                proxy.process.stdout.close()


def until(true: Any, *, within: float = WAIT) -> None:  # noqa: ANN401 - any callable
    """Wait for something that no event tells of."""
    deadline = time.monotonic() + within
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)

"""Starts launchers over tiny models, as eai does: pipes for life and readiness, a unix socket."""

from __future__ import annotations

import http.client
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

import pytest
from models import chat

import zoo.toolchains
from zoo.environment.model import Command

PROGRAMS = Path(zoo.toolchains.__file__).parent / "programs"
WAIT = 30  # seconds that anything may take before a test gives up


def wheel_folder() -> Path:
    """The folder that holds the `xllamacpp` package."""
    spec = importlib.util.find_spec("xllamacpp")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent.parent


def write_wheel(path: Path) -> Path:
    """Pack the wheel that is installed again, without compressing it."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as wheel:
        for file in sorted((wheel_folder() / "xllamacpp").iterdir()):
            if file.is_file():
                wheel.write(file, f"xllamacpp/{file.name}")
    return path


def engine_tree(folder: Path) -> Path:
    """A tree with nothing in it but the wheel's package."""
    (folder / "xllamacpp").symlink_to(wheel_folder() / "xllamacpp")
    return folder


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("engine", timeout=WAIT)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(WAIT)
        self.sock.connect(str(self.path))


@dataclass(slots=True)
class Engine:
    """A started launcher."""

    process: subprocess.Popen[bytes]
    socket: Path
    alive: int
    ready: int
    log: Path
    closed: set[int] = field(default_factory=set)

    def until_ready(self) -> Self:
        """Wait for the line; fail with the log where it does not come."""
        line = os.read(self.ready, 100)
        assert line == b"ready\n", self.log.read_text()
        return self

    def logged(self, *lines: str) -> None:
        """Wait until the log, which a thread of the engine's writes, holds these."""
        deadline = time.monotonic() + WAIT
        while not all(line in self.log.read_text("utf-8", "replace") for line in lines):
            assert time.monotonic() < deadline, self.log.read_text("utf-8", "replace")
            time.sleep(0.01)

    def ended(self) -> int:
        """Wait for the end of the process."""
        return self.process.wait(WAIT)

    def leave(self) -> None:
        """Do what the kernel does with the pipe of an eai that was killed."""
        os.close(self.alive)
        self.closed.add(self.alive)

    def ask(self, path: str, body: object = None) -> Any:  # noqa: ANN401 - what JSON can hold
        """Ask, and read the whole answer."""
        connection = UnixConnection(self.socket)
        method = "GET" if body is None else "POST"
        connection.request(method, path, None if body is None else json.dumps(body))
        answer = json.loads(connection.getresponse().read())
        connection.close()
        return answer

    def say(self, **more: object) -> str:
        """What the model answers."""
        body = {"messages": [{"role": "user", "content": "hello"}], "max_tokens": 64, **more}
        return str(self.ask("/v1/chat/completions", body)["choices"][0]["message"]["content"])

    def close(self) -> None:
        """End it in any case."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(WAIT)
        for descriptor in {self.alive, self.ready} - self.closed:
            os.close(descriptor)


@dataclass(slots=True)
class Engines:
    """Starts launchers, and ends them with the test."""

    folder: Path
    tree: Path
    started: list[Engine] = field(default_factory=list)

    def start(
        self,
        *flags: str | Path,
        module: str = "launcher",
        program: tuple[str, ...] = (),
        env: Mapping[str, str] = MappingProxyType({}),
    ) -> Engine:
        """Start a launcher with these flags beside `--host`."""

        def command(path: Path, ready: int, alive: int) -> Command:
            pipes = ("--alive-fd", str(alive), "--ready-fd", str(ready))
            python = (sys.executable, "-S", "-P", "-B", "-m", module, *program, *pipes)
            environment = {"PYTHONPATH": f"{PROGRAMS}:{self.tree}", "LANG": "C.UTF-8", **env}
            argv = (*python, "--host", str(path), *map(str, flags))
            return Command(argv=argv, env=environment, cwd=self.folder)

        return self.launch(command)

    def launch(self, command: Callable[[Path, int, int], Command]) -> Engine:
        """Start what is made of a socket's path and of the descriptors for readiness and life."""
        number = len(self.started)
        socket_path, log = self.folder / f"{number}.sock", self.folder / f"{number}.log"
        alive_read, alive_write = os.pipe()
        ready_read, ready_write = os.pipe()
        made = command(socket_path, ready_write, alive_read)
        with log.open("wb") as output:
            process = subprocess.Popen(
                made.argv,
                env=dict(made.env),
                cwd=made.cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=(alive_read, ready_write),
                start_new_session=True,
            )
        os.close(alive_read)
        os.close(ready_write)
        engine = Engine(process, socket_path, alive_write, ready_read, log)
        self.started.append(engine)
        return engine


@contextmanager
def engines_over(tree: Path) -> Iterator[Engines]:
    """Start engines over a tree, and end them with the block."""
    with tempfile.TemporaryDirectory(prefix="eai") as short:  # a socket's path is at most 107 bytes
        made = Engines(Path(short), tree)
        try:
            yield made
        finally:
            for engine in made.started:
                engine.close()


@dataclass(frozen=True, slots=True)
class Models:
    """The tiny models that engine tests run on."""

    chat: Path
    endless: Path
    with_temperature: Path
    shards: tuple[Path, ...]
    lora: Path

    @classmethod
    def write(cls, folder: Path) -> Self:
        """Make them all."""
        return cls(
            chat=chat.write_chat(folder / "chat.gguf")[0],
            endless=chat.write_chat(folder / "endless.gguf", endless=True)[0],
            with_temperature=chat.write_chat(folder / "warm.gguf", temperature=1.5)[0],
            shards=chat.write_chat(folder / "shard.gguf", shard_tensors=8),
            lora=chat.write_lora(folder / "lora.gguf"),
        )


def native_server(path: Path, tree: Path) -> Path:
    """Write a program that takes `--version` and llama-server's flags, over the wheel in a tree."""
    path.write_text(
        "#!/bin/sh\n"
        'if [ "$1" = --version ]; then echo "version: 11549 (abcdef012)" >&2\n'
        'echo "built with cc for tests" >&2; exit; fi\n'
        f"export PYTHONPATH={PROGRAMS}:{tree}\n"
        f'exec {sys.executable} -S -P -B -m launcher "$@"\n'
    )
    path.chmod(0o755)
    return path


@pytest.fixture(scope="session")
def native_engine(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A real engine, as far as a script can be one."""
    return native_server(tmp_path_factory.mktemp("server") / "llama-server", wheel_folder()).read_bytes()

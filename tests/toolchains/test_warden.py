"""A script called llama-server stands in here, over the real engine; tests/e2e has one that is built."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from models.chat import SENTENCE
from support.engine import Engine, Engines, Models, native_server
from support.serving import until

pytestmark = pytest.mark.engine

FLAGS = ("-c", "512", "-np", "1", "-t", "1")


def _start(engines: Engines, model: Path) -> Engine:
    program = native_server(engines.folder / "llama-server", engines.tree)
    return engines.start("-m", model, *FLAGS, module="launcher.warden", program=(str(program),))


def test_a_native_server_is_announced_when_it_answers(engines: Engines, models: Models) -> None:
    engine = _start(engines, models.chat).until_ready()

    assert engine.ask("/health") == {"status": "ok"}
    assert engine.say() == SENTENCE


def test_its_signals_and_its_exit_code_are_its_own(engines: Engines, models: Models) -> None:
    engine = _start(engines, models.chat).until_ready()
    until(lambda: catches(engine.process.pid, signal.SIGTERM))  # it answers before its handler is there

    engine.process.send_signal(signal.SIGTERM)

    assert engine.ended() == 0
    assert os.read(engine.ready, 1) == b""


def catches(pid: int, number: signal.Signals) -> bool:
    """Whether a process has a handler for a signal, as far as this system tells."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return True
    (caught,) = (line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught, 16) >> (number - 1) & 1)


def test_it_dies_with_its_parent(engines: Engines, models: Models) -> None:
    engine = _start(engines, models.endless).until_ready()

    engine.leave()

    assert engine.ended() == -signal.SIGKILL


def test_a_server_that_fails_is_never_announced(engines: Engines, tmp_path: Path) -> None:
    engine = _start(engines, tmp_path / "none.gguf")

    assert engine.ended() == 1
    assert os.read(engine.ready, 1) == b""


def test_a_program_that_cannot_be_started_is_named(engines: Engines) -> None:
    engine = engines.start(module="launcher.warden", program=("/none/llama-server",))

    assert engine.ended() == 126
    assert engine.log.read_text() == "error: cannot start /none/llama-server: No such file or directory\n"

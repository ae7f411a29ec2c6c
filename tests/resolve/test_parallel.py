"""Many things side by side: order, errors, and an end that waits for nobody."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

import zoo
from zoo.errors import NotThere, SourceError
from zoo.resolve.parallel import WORKERS, for_each

NAMES = [f"m{number}" for number in range(3 * WORKERS)]

HANGS = """
import os, threading
from zoo.resolve.parallel import for_each

def hang(name):
    os.write(1, f"{name}\\n".encode())
    threading.Event().wait()

try:
    for_each(["a", "b"], hang)
except KeyboardInterrupt:
    raise SystemExit(130)
"""


def test_results_come_in_the_order_of_the_names() -> None:
    later = threading.Event()

    def do(name: str) -> str:
        if name == NAMES[-1]:
            later.set()
        if name == NAMES[0]:
            assert later.wait(10)
        return name.upper()

    assert list(for_each(NAMES, do).items()) == [(name, name.upper()) for name in NAMES]


def test_nothing_to_do_is_done_at_once() -> None:
    assert for_each([], str) == {}


def test_every_failure_is_told_in_the_order_of_the_names() -> None:
    def do(name: str) -> str:
        if name in {"m3", "m20"}:
            raise NotThere(f"no {name}", hint=f"look for {name}")
        return name

    with pytest.raises(NotThere) as caught:
        for_each(NAMES, do)
    assert caught.value.message.splitlines() == [
        "2 models could not be locked",
        "  m3: no m3",
        "    look for m3",
        "  m20: no m20",
        "    look for m20",
    ]


def test_a_bug_comes_through_and_ends_the_rest() -> None:
    done = []

    def do(name: str) -> None:
        done.append(name)
        raise ZeroDivisionError(name)

    with pytest.raises(ZeroDivisionError):
        for_each(NAMES, do)
    assert len(done) <= len(NAMES)


def test_one_failure_keeps_its_kind() -> None:
    def do(name: str) -> None:
        raise SourceError("gone")

    with pytest.raises(SourceError, match="only: gone"):
        for_each(["only"], do)


def test_an_interrupted_process_does_not_wait_for_threads_that_hang() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", HANGS],
        env={"PYTHONPATH": str(Path(zoo.__file__).parents[1])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert {process.stdout.readline(), process.stdout.readline()} == {"a\n", "b\n"}
    process.send_signal(2)
    try:
        _, said = process.communicate(timeout=10)
    finally:
        process.kill()
    assert (process.returncode, said) == (130, "")

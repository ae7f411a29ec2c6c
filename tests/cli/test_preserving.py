"""What a person sees while preserving."""

from __future__ import annotations

import io

import pytest

from zoo.cli.output import Output
from zoo.cli.preserving import shown
from zoo.preserve.events import (
    Checked,
    Checking,
    Event,
    Hashed,
    Hashing,
    Held,
    Kept,
    Retrying,
    Sending,
    Sent,
    Waiting,
)

MB = 1_000_000
EVENTS: list[Event] = [
    Hashing("m.gguf", 100 * MB),
    *[Hashed("m.gguf", 10 * MB)] * 10,
    Sending("m.gguf", "kubo", 100 * MB, 20 * MB),
    *[Sent("m.gguf", "kubo", 10 * MB)] * 8,
    Retrying("m.gguf", "kubo", "the connection ended", 2.0),
    Held("n.gguf", "kubo"),
    Checking("m.gguf", "kubo", 2 * MB),
    Checked("m.gguf", "kubo", 2 * MB),
    Waiting("m.gguf", "pinning-service", "queued"),
    Kept("m.gguf", "kubo", "pinned"),
]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    now = 0.0

    def __call__(self) -> float:
        self.now += 0.4
        return self.now


def show(talk: io.StringIO, *, quiet: bool = False) -> str:
    with shown(Output(io.StringIO(), talk, quiet), Clock()) as tell:
        for event in EVENTS:
            tell(event)
    return talk.getvalue()


def test_without_a_terminal_there_are_lines_and_not_too_many() -> None:
    said = show(io.StringIO()).splitlines()
    assert said[0] == "hashing m.gguf (100.0 MB)"
    assert "hashing m.gguf: 30.0 MB of 100.0 MB" in said
    assert sum(line.startswith("hashing m.gguf: ") for line in said) == 3
    assert "sending m.gguf to kubo (100.0 MB, 20.0 MB of it is there)" in said
    assert "m.gguf: the connection ended; trying again in 2 s" in said
    assert "n.gguf: kubo has it already; nothing is sent" in said
    assert "m.gguf: pinning-service says that it is queued; waiting" in said
    assert said[-1] == "m.gguf: kept at kubo: pinned"


def test_quiet_is_quiet() -> None:
    assert show(io.StringIO(), quiet=True) == ""
    assert show(Terminal(), quiet=True) == ""


def test_a_terminal_has_a_bar_and_the_lines_that_people_should_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    said = show(Terminal())
    assert "m.gguf: kept at kubo: pinned" in said
    assert "the connection ended" in said

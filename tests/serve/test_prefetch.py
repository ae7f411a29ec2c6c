"""Files read ahead: which, how far, and until when."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from support.bench import GIB, BenchMaker, a_model

from zoo.environment.model import ServedModel
from zoo.serve.prefetch import STEP, Ahead, Prefetch, spare

MEMINFO = "MemTotal: 16000000 kB\nMemFree: 2097152 kB\nInactive(file): 1048576 kB\nHugePages_Total: 0\n"


class Reader:
    """Notes what is read ahead, and waits where it is told to."""

    def __init__(self) -> None:
        self.read: list[int] = []
        self.go = threading.Event()
        self.first = threading.Event()

    def __call__(self, descriptor: int, offset: int, length: int) -> None:
        assert os.fstat(descriptor).st_size
        self.read.append(offset)
        self.first.set()
        assert self.go.wait(10)


@pytest.fixture
def model(tmp_path: Path) -> ServedModel:
    files = (tmp_path / "a", tmp_path / "b")
    for file in files:
        with file.open("wb") as made:
            made.truncate(2 * STEP)
    return a_model("a", files=files)


def ended() -> None:
    """Wait for the threads that read ahead."""
    for thread in threading.enumerate():
        if thread.name == "prefetch":
            thread.join(10)


def test_every_file_is_read_ahead_to_its_end(model: ServedModel) -> None:
    reader = Reader()
    reader.go.set()
    Prefetch(lambda: 4 * STEP, reader)(model)
    ended()
    assert reader.read == [0, STEP, 0, STEP]


def test_what_is_no_longer_wanted_stops(model: ServedModel) -> None:
    reader = Reader()
    stop = Prefetch(lambda: 4 * STEP, reader)(model)
    assert reader.first.wait(10)
    stop()
    reader.go.set()
    ended()
    assert reader.read == [0]


def test_nothing_is_read_ahead_that_the_page_cache_has_no_room_for(model: ServedModel) -> None:
    reader = Reader()
    Prefetch(lambda: 4 * STEP - 1, reader)(model)
    ended()
    assert reader.read == []


def test_files_that_are_gone_are_left_to_the_engine_to_complain_of(tmp_path: Path) -> None:
    Prefetch(lambda: GIB, Reader())(a_model("a", files=(tmp_path / "gone",)))
    ended()


def test_room_is_what_nobody_uses(tmp_path: Path) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text(MEMINFO)
    assert spare(meminfo, lambda: float("inf")) == 3 * GIB - GIB // 4
    assert spare(meminfo, lambda: GIB) == GIB - GIB // 4
    assert spare(meminfo, lambda: 5) == 0
    assert spare(tmp_path / "missing") == 0


async def test_the_next_model_is_read_ahead_while_the_old_one_drains(bench: BenchMaker) -> None:
    begun: list[str] = []
    ended: list[str] = []

    def warm(model: ServedModel) -> object:
        begun.append(model.name)
        return lambda: ended.append(model.name)

    b = bench(*map(a_model, "abc"), budget=GIB, warm=warm)
    stream = await b.ask("a")
    assert begun == []  # there is room: the engine reads for itself
    second = await b.ask("b")
    await b.ask("c")
    assert (begun, ended) == (["b"], [])
    await second.leave()
    assert (begun, ended) == (["b", "c"], ["b"])
    await stream.finish()
    assert (b.state("c"), begun, ended) == ("ready", ["b", "c"], ["b"])  # what c had made ready is used


def test_one_model_at_a_time_is_read_ahead_and_only_once() -> None:
    begun: list[str] = []
    a, b = a_model("a"), a_model("b")
    ahead = Ahead(lambda model: begun.append(model.name) or (lambda: begun.append(f"-{model.name}")))  # type: ignore[func-returns-value] - `append` gives None
    for each in (a, a, b, None, None, a):
        ahead.want(each)
    ahead.starts(b)
    ahead.starts(a)
    ahead.want(None)
    assert begun == ["a", "-a", "b", "-b", "a"]

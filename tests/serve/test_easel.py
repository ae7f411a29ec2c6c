"""Tests for turns, and for how far a picture is."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from zoo.errors import EngineBusy
from zoo.serve.easel import QUEUE, Drawing, Easels
from zoo.serve.logfile import LogFile

LOADING = "\r  |====>   | 6/6 - 0.13MB/s\x1b[K\n"
DRAWING = "\r  |====>   | {}/4 - 21.98it/s\x1b[K"


def drawing(folder: Path, said: str = "", n: int = 2) -> Drawing:
    (folder / "x.log").write_text(LOADING + said)
    return Drawing(n=n, steps=4, log=LogFile(folder / "x.log"), since=0)


@pytest.mark.parametrize(
    ("said", "step"),
    [
        ("", 0),
        (DRAWING.format(1), 1),
        (DRAWING.format(1) + DRAWING.format(3), 3),
        (DRAWING.format(4) + "\n", 4),
        (DRAWING.format(4) + "\n" + LOADING + DRAWING.format(2), 6),
        (DRAWING.format(4) + "\n" + DRAWING.format(4), 8),
    ],
)
def test_steps_are_counted_over_all_pictures(tmp_path: Path, said: str, step: int) -> None:
    assert drawing(tmp_path, said).progress() == {"step": step, "steps": 8, "pictures": 2}


async def test_turns_come_in_order_and_one_is_kept_until_the_work_is_over(tmp_path: Path) -> None:
    easels, order = Easels(), []
    work = asyncio.get_running_loop().create_future()
    async with easels.turn("a") as turn:
        turn.keep(work, drawing(tmp_path))

    async def next_one(name: str) -> None:
        async with easels.turn("a"):
            order.append(name)

    waiting = [asyncio.ensure_future(next_one(name)) for name in "xy"]
    await asyncio.sleep(0)
    progress = easels.progress("a")
    assert progress is not None
    assert (progress["waiting"], order) == (2, [])
    work.set_exception(RuntimeError("nobody sees this"))
    await asyncio.gather(*waiting)

    assert order == ["x", "y"]
    assert easels.progress("a") is None


async def test_one_who_leaves_the_queue_gives_the_turn_to_the_next() -> None:
    easels = Easels()
    async with easels.turn("a"):
        gone = asyncio.ensure_future(easels.turn("a").__aenter__())
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)

    async with easels.turn("a"), easels.turn("b"):
        assert easels.progress("b") is None


async def test_too_many_are_sent_away() -> None:
    easels = Easels()
    async with easels.turn("a"):
        waiting = [asyncio.ensure_future(easels.turn("a").__aenter__()) for _ in range(QUEUE)]
        await asyncio.sleep(0)
        with pytest.raises(EngineBusy, match="wait for a already"):
            await easels.turn("a").__aenter__()
        for each in waiting:
            each.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

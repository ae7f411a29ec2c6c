"""What a person sees while something is built from source."""

from __future__ import annotations

import io
import re

from zoo.cli.building import shown
from zoo.cli.output import Output
from zoo.toolchains.events import Compiled, Configuring, Event, Made, Unpacking, Waiting

NAME = "llama-server"
BEGUN: list[Event] = [Unpacking(name=NAME), Configuring(name=NAME, jobs=2)]
MADE = Made(name=NAME, seconds=247.4)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def steps(total: int) -> list[Event]:
    return [Compiled(name=NAME, done=done, total=total) for done in range(1, total + 1)]


def said(
    events: list[Event], *, talk: io.StringIO | None = None, quiet: bool = False, step: float = 0.1
) -> str:
    stream, clock = talk or io.StringIO(), Clock()
    with shown(Output(io.StringIO(), stream, quiet), clock=clock) as workshop:
        for event in events:
            clock.now += step
            workshop.tell(event)
    return stream.getvalue()


def test_without_a_terminal_there_is_a_line_for_every_tenth_of_the_steps() -> None:
    lines = said([*BEGUN, *steps(217), MADE]).splitlines()

    assert lines[:2] == [
        f"{NAME}: unpacking its source code",
        f"{NAME}: configuring, to be compiled by 2 at a time",
    ]
    assert lines[2] == f"{NAME}: 22 of 217 steps"
    assert lines[-2:] == [f"{NAME}: 217 of 217 steps", f"{NAME}: built in 4 min 7 s"]
    assert len(lines) == 2 + 10 + 1


def test_slow_steps_give_a_sign_every_ten_seconds() -> None:
    assert len(said(steps(1000)[:30], step=5).splitlines()) == 15


def test_a_second_build_begins_to_count_anew() -> None:
    lines = said([*BEGUN, *steps(2), MADE, *BEGUN, *steps(2), MADE]).splitlines()

    assert lines.count(f"{NAME}: 1 of 2 steps") == 2


def test_who_waits_is_told_for_whom() -> None:
    assert said([Waiting(name=NAME, process=4711)]) == f"{NAME}: process 4711 is building it; waiting\n"


def test_quiet_is_quiet() -> None:
    assert said([*BEGUN, *steps(20), MADE], quiet=True) == ""


def test_on_a_terminal_a_bar_fills() -> None:
    shows = said([*BEGUN, *steps(20), MADE], talk=Terminal())

    assert "20/20" in re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shows)
    assert f"{NAME}: built in 4 min 7 s" in shows

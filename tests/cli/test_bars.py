"""When plain lines are due."""

from __future__ import annotations

from zoo.cli.bars import Pace


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_line_is_due_at_each_tenth() -> None:
    pace = Pace(Clock())
    assert [done for done in range(1, 101) if pace.due(done, 100)] == list(range(10, 101, 10))


def test_a_line_is_due_every_ten_seconds_where_the_whole_is_not_known() -> None:
    clock = Clock()
    pace = Pace(clock)
    due: list[float] = []
    for clock.now in range(1, 31):
        due += [clock.now] * pace.due(1, None)
    assert due == [10, 20, 30]


def test_tenths_that_come_too_soon_are_passed_over() -> None:
    clock = Clock()
    pace = Pace(clock, least=1.0)
    assert not pace.due(50, 100)
    clock.now = 1.0
    assert pace.due(60, 100)


def test_what_was_there_is_no_progress() -> None:
    pace = Pace(Clock())
    pace.begin(50, 100)
    assert not pace.due(59, 100)
    assert pace.due(60, 100)

"""When a connection is late, and how many there may be."""

from __future__ import annotations

import math

from zoo.serve.limits import Connections, Deadline, Limits

LIMITS = Limits(head=10, silence=30, rate=1000, idle=75, connections=3, each=2)


def unfinished() -> bool:
    return False


def test_a_connection_that_says_nothing_is_idle() -> None:
    assert Deadline(LIMITS, 100).due() == 175


def test_headers_must_be_whole_in_time_however_steadily_they_drip() -> None:
    deadline = Deadline(LIMITS, 0)
    for second in range(5, 15):
        deadline.arrived(1, second)
    assert deadline.due() == 15


def test_a_body_must_not_fall_silent() -> None:
    deadline = Deadline(LIMITS, 0)
    deadline.arrived(100, 0)
    deadline.head_whole(1, unfinished)
    assert deadline.due() == 31
    deadline.arrived(10**6, 20)
    assert deadline.due() == 50


def test_a_body_must_not_drip() -> None:
    deadline = Deadline(LIMITS, 0)
    deadline.head_whole(0, unfinished)
    for second in range(40):
        deadline.arrived(1, second)
    assert deadline.due() == 30.04
    deadline.arrived(60_000, 40)
    assert deadline.due() == 70


def test_an_answer_takes_as_long_as_it_takes() -> None:
    done = [False]
    deadline = Deadline(LIMITS, 0)
    deadline.head_whole(0, lambda: done[0])
    assert deadline.due() == 30
    done[0] = True
    assert deadline.due() == math.inf
    deadline.arrived(10, 1000)  # the next request, too early
    assert deadline.due() == math.inf
    deadline.answered(2000)
    assert deadline.due() == 2075


def test_the_rest_of_a_body_that_nobody_wanted_is_no_next_request() -> None:
    done = [False]
    deadline = Deadline(LIMITS, 0)
    deadline.head_whole(0, lambda: done[0])
    deadline.answered(1)
    deadline.arrived(5000, 2)
    assert (deadline.stage, deadline.due()) == ("body", 32)
    done[0] = True
    assert (deadline.due(), deadline.stage) == (77, "idle")
    deadline.arrived(10, 50)
    assert (deadline.stage, deadline.due()) == ("head", 60)


def test_there_are_only_so_many_connections_in_all_and_from_one_address() -> None:
    connections = Connections(LIMITS)
    assert [connections.enter("10.0.0.1") for _ in range(3)] == [True, True, False]
    assert [connections.enter("10.0.0.2") for _ in range(2)] == [True, False]
    connections.leave("10.0.0.1")
    assert connections.enter("10.0.0.2")
    assert connections.now == 3


def test_this_machine_counts_as_many_addresses() -> None:
    for address in ("127.0.0.1", "::1", ""):
        connections = Connections(LIMITS)
        assert [connections.enter(address) for _ in range(4)] == [True, True, True, False]


def test_limits_are_looked_at_often_enough() -> None:
    assert LIMITS.look == 1.0
    assert Limits(head=0.2).look == 0.05

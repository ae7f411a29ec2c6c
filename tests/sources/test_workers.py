"""Threads that do small things, and that nobody waits for."""

from __future__ import annotations

import threading

import pytest

from zoo.errors import Interrupted, NotThere
from zoo.sources.workers import Workers


def test_what_is_done_is_given_and_what_fails_is_raised() -> None:
    workers = Workers(3, "test")
    assert [each.result() for each in [workers.do(lambda at=at: at * at) for at in range(50)]] == [
        at * at for at in range(50)
    ]

    def fail() -> int:
        raise NotThere("here")

    with pytest.raises(NotThere):
        workers.do(fail).result()
    workers.close()


def test_no_more_threads_work_than_there_may_be() -> None:
    workers = Workers(2, "test-few")
    both, more = threading.Barrier(3), threading.Event()

    def work() -> bool:
        both.wait()
        return more.wait()

    running = [workers.do(work) for _ in range(2)]
    waiting = workers.do(lambda: True)
    both.wait()
    assert not waiting.done()
    assert sum(thread.name == "test-few" for thread in threading.enumerate()) == 2
    more.set()
    assert all(each.result() for each in [*running, waiting])
    workers.close()


def test_a_closed_one_does_nothing_more_and_does_not_wait() -> None:
    workers = Workers(1, "test")
    begun, end = threading.Event(), threading.Event()
    running = workers.do(lambda: (begun.set(), end.wait()))
    waiting = workers.do(lambda: None)
    begun.wait()
    workers.close()
    end.set()
    assert running.result()
    with pytest.raises(Interrupted):
        waiting.result()
    with pytest.raises(Interrupted):
        workers.do(lambda: None).result()

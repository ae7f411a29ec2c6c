"""How much a key may ask, on a clock that the test moves."""

from __future__ import annotations

from zoo.serve.allowance import Allowances
from zoo.serve.keys import Key

NOBODY = Key.of("nobody", "x")


def test_requests_a_minute_are_counted_and_come_back_evenly() -> None:
    now = [0.0]
    key = Key("k", b"k", requests_per_minute=6)
    allowances = Allowances(lambda: now[0])
    for _ in range(6):
        assert allowances.enter(key) is None
    refused = allowances.enter(key)
    assert refused is not None
    assert (refused.status, refused.code, refused.headers["Retry-After"]) == (
        429,
        "rate_limit_exceeded",
        "10",
    )
    now[0] = 9.0
    refused = allowances.enter(key)
    assert refused is not None
    assert refused.headers["Retry-After"] == "1"
    now[0] = 10.5
    assert allowances.enter(key) is None
    assert allowances.enter(key) is not None


def test_an_hour_of_rest_saves_up_no_more_than_a_minute() -> None:
    now = [0.0]
    key = Key("k", b"k", requests_per_minute=2)
    allowances = Allowances(lambda: now[0])
    assert allowances.enter(key) is None
    now[0] = 3600.0
    assert [allowances.enter(key) is None for _ in range(3)] == [True, True, False]


def test_requests_at_a_time_are_counted_for_each_key() -> None:
    key = Key("k", b"k", concurrent=2)
    allowances = Allowances(lambda: 0.0)
    assert [allowances.enter(key) is None for _ in range(3)] == [True, True, False]
    assert allowances.enter(NOBODY) is None
    allowances.leave(key)
    assert allowances.enter(key) is None

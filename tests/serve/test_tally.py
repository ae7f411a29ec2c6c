"""What is noted is counted, whoever reads it and when."""

from __future__ import annotations

from zoo.serve.tally import Answered, Tally


def test_notes_are_counted_once_each_and_do_not_pile_up() -> None:
    tally = Tally(lambda: (), 0)
    for _ in range(10_000):
        tally.note(Answered("m", "/p", 200, 0.1, 1.0))
    for _ in range(2):
        text = tally.text().decode()
        assert 'eai_requests_total{model="m",path="/p",status="200"} 10000.0' in text
        assert 'eai_first_byte_seconds_bucket{le="0.1",model="m",path="/p"} 10000.0' in text
        assert 'eai_request_seconds_sum{model="m",path="/p"} 10000.0' in text

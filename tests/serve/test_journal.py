"""The log of requests."""

from __future__ import annotations

import re

from support.bench import Clock

from zoo.serve.journal import Journal
from zoo.serve.tally import Answered


async def test_each_request_has_a_line_soon_and_all_are_written_at_once() -> None:
    clock, written = Clock(), list[str]()
    journal = Journal(written.append, clock)
    journal.note(Answered("main", "/v1/embeddings", 200, 0.1, 0.25))
    journal.note(Answered("-", "/tokenize", 404, None, 0.001))
    assert written == []
    await clock.pass_time(1)
    (lines,) = written
    first, second = lines.splitlines()
    stamp = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} INFO "
    assert re.fullmatch(stamp + "/v1/embeddings main 200 250.0 ms", first)
    assert re.fullmatch(stamp + "/tokenize - 404 1.0 ms", second)
    journal.note(Answered("main", "/tokenize", 200, None, 0.002))
    await clock.pass_time(1)
    assert len(written) == 2

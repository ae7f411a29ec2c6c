"""Logs that stay small while another process writes to them."""

from __future__ import annotations

import os
from pathlib import Path

from zoo.serve.logfile import LogFile


def test_a_log_that_has_grown_is_set_aside_under_the_writers_feet(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "x.log", limit=100)
    writer = log.open()
    os.write(writer, b"old\n" * 30)
    assert log.turn_over()
    os.write(writer, b"new\n")
    os.close(writer)
    assert log.path.read_text() == "new\n"
    assert log.path.with_name("x.log.1").read_text() == "old\n" * 30
    assert not log.turn_over()


def test_only_its_user_may_read_a_log(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "x.log")
    os.close(log.open())
    assert log.path.stat().st_mode & 0o777 == 0o600


def test_the_tail_is_of_what_came_since(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "x.log")
    assert log.tail(3) == ()
    log.path.write_text("before\n")
    since = log.size()
    with log.path.open("a") as file:
        file.write("one\n\ntwo\nthree\n")
    assert log.tail(2, since=since) == ("two", "three")
    assert log.tail(9, since=since) == ("one", "two", "three")
    log.path.write_text("cut\n")
    assert log.tail(9, since=10**6) == ("cut",)


def test_the_tail_of_a_huge_log_is_cheap_and_whole_lines_at_the_end(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "x.log")
    log.path.write_bytes(b"x" * 10**6 + b"\nlast\xff\n")
    assert log.tail(1) == ("last\ufffd",)


def test_no_lines_of_a_log_are_none(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "x.log")
    log.path.write_text("one\ntwo\n")
    assert [log.tail(count) for count in (0, 1, 2, 3)] == [(), ("two",), ("one", "two"), ("one", "two")]

"""Reading HTTP headers strictly."""

from __future__ import annotations

import pytest

from zoo.errors import SourceError
from zoo.sources.answers import Range, content_range, length, retry_after


def test_a_range_is_written_with_an_inclusive_end() -> None:
    assert str(Range(5, 10)) == "bytes=5-9"
    assert str(Range(5, None)) == "bytes=5-"


def test_an_open_range_must_be_answered_to_the_end_of_the_file() -> None:
    asked = Range(5, None)
    assert content_range("u", {"content-range": "bytes 5-9/10"}, asked) == (Range(5, 10), 10)
    with pytest.raises(SourceError):
        content_range("u", {"content-range": "bytes 5-8/10"}, asked)


def test_a_server_need_not_know_the_whole_size() -> None:
    assert content_range("u", {"content-range": "bytes 5-9/*"}, Range(5, 10)) == (Range(5, 10), None)


@pytest.mark.parametrize("text", ["", "-1", "1,1", "0x10", "1" * 30])
def test_a_length_is_a_number_or_refused(text: str) -> None:
    with pytest.raises(SourceError):
        length("u", {"content-length": text})


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        ("30", 30),
        (" 30 ", 30),
        ("Thu, 01 Jan 1970 00:01:30 GMT", 80),
        ("Thu, 01 Jan 1970 00:00:01 GMT", 0),
        ("soon", None),
        ("-5", None),
        ("Thu, 99 Jan 1970", None),
    ],
)
def test_retry_after_is_a_number_of_seconds_or_a_date(text: str | None, seconds: float | None) -> None:
    assert retry_after(text, now=10) == seconds

"""Pieces of a source, read through whatever breaks off."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from zoo.errors import Interrupted, SourceError
from zoo.resolve.ranges import TRIES, Remote
from zoo.sources.base import Body

DATA = bytes(range(256)) * 8


@dataclass
class Cut:
    """A download in chunks of 100 bytes, which breaks off after so many bytes of each answer."""

    after: int
    ranged: bool = True
    size: int | None = len(DATA)
    validator: str | None = None
    asked: list[tuple[int, int | None]] = field(default_factory=list)

    @contextmanager
    def read(self, start: int, stop: int | None) -> Iterator[Body]:
        self.asked.append((start, stop))
        yield Body(start if self.ranged else 0, self._chunks(start if self.ranged else 0, stop))

    def _chunks(self, start: int, stop: int | None) -> Iterator[bytes]:
        part = DATA[start : stop if self.ranged else None]
        for at in range(0, len(part), 100):
            if at >= self.after:
                raise Interrupted("the line is cut")
            yield part[at : at + 100]


def test_a_range_is_what_was_asked_for() -> None:
    assert Remote(Cut(10_000), None).read(300, 700) == DATA[300:1000]


def test_a_range_that_breaks_off_goes_on_from_there() -> None:
    cut = Cut(after=300)

    assert Remote(cut, None).read(100, 700) == DATA[100:800]
    assert cut.asked == [(100, 800), (400, 800), (700, 800)]


def test_a_source_that_always_breaks_off_is_given_up() -> None:
    cut = Cut(after=0)

    with pytest.raises(Interrupted, match="the line is cut"):
        Remote(cut, None).read(0, 700)
    assert len(cut.asked) == TRIES


def test_a_source_without_ranges_is_read_from_its_beginning() -> None:
    assert Remote(Cut(10_000, ranged=False), None).read(350, 700) == DATA[350:1050]


def test_nothing_is_asked_for_beyond_the_end() -> None:
    cut = Cut(10_000)
    remote = Remote(cut, None)

    assert remote.read(len(DATA) - 10, 1000) == DATA[-10:]
    assert remote.read(len(DATA), 1000) == b""
    assert cut.asked == [(len(DATA) - 10, len(DATA))]


def test_a_source_that_begins_too_late_is_refused() -> None:
    class Late(Cut):
        @contextmanager
        def read(self, start: int, stop: int | None) -> Iterator[Body]:
            yield Body(start + 1, iter([b"x"]))

    with pytest.raises(SourceError, match="from 10 on, got them from 11 on"):
        Remote(Late(0), None).read(10, 10)

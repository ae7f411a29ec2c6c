"""Files that are filled in any order."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.errors import SizeMismatch
from zoo.store.partial import Filler, Partial, held

DATA = os.urandom(2500)


@pytest.fixture
def partial(tmp_path: Path) -> Iterator[Partial]:
    made = Partial(tmp_path, len(DATA), piece=1000)
    yield made
    made.close()


def test_pieces_may_come_in_any_order(partial: Partial) -> None:
    assert partial.missing() == [(0, 2500)]
    partial.put(1, DATA[1000:2000])
    assert partial.missing() == [(0, 1000), (2000, 2500)]
    assert partial.held == 1000
    partial.put(2, DATA[2000:])
    partial.put(0, DATA[:1000])
    assert partial.missing() == []
    assert partial.data.read_bytes() == DATA


def test_a_piece_that_is_there_stays(partial: Partial) -> None:
    partial.put(0, DATA[:1000])
    partial.put(0, bytes(1000))
    assert partial.data.read_bytes()[:1000] == DATA[:1000]


def test_another_process_sees_what_was_done(partial: Partial, tmp_path: Path) -> None:
    partial.put(1, DATA[1000:2000])
    again = Partial(tmp_path, len(DATA), piece=1000)
    assert again.missing() == [(0, 1000), (2000, 2500)]
    assert held(tmp_path, len(DATA), 1000) == 1000
    again.close()


def test_nothing_is_held_where_there_is_nothing(tmp_path: Path) -> None:
    assert held(tmp_path / "gone", 100, 10) == 0


def test_a_map_with_other_pieces_does_not_count(partial: Partial, tmp_path: Path) -> None:
    partial.put(0, DATA[:1000])
    other = Partial(tmp_path, len(DATA), piece=500)
    assert other.held == 0
    other.close()


def test_pieces_beyond_the_end_of_the_data_are_not_believed(partial: Partial, tmp_path: Path) -> None:
    partial.put(2, DATA[2000:])
    os.truncate(partial.data, 2400)
    again = Partial(tmp_path, len(DATA), piece=1000)
    assert again.held == 0
    again.close()


def test_data_that_is_too_long_is_cut(partial: Partial, tmp_path: Path) -> None:
    partial.data.write_bytes(bytes(9999))
    Partial(tmp_path, len(DATA), piece=1000).close()
    assert partial.data.stat().st_size == len(DATA)


def test_what_came_since_the_beginning_can_be_forgotten_alone(partial: Partial) -> None:
    partial.put(0, DATA[:1000])
    partial.begin()
    assert partial.foreign
    partial.put(1, DATA[1000:2000])
    partial.forget(all_of_it=False)
    assert partial.missing() == [(1000, 2500)]
    partial.forget(all_of_it=True)
    assert partial.missing() == [(0, 2500)]
    assert not partial.foreign


def test_following_goes_as_far_as_everything_is_there(partial: Partial) -> None:
    partial.put(1, DATA[1000:2000])
    partial.put(0, DATA[:1000])
    assert partial.follow(0) == 2000
    partial.put(2, DATA[2000:])
    assert partial.follow(2000) == 2500
    assert partial.follow(2500) == 2500


def test_a_write_that_fails_marks_nothing(tmp_path: Path) -> None:
    def full(fd: int, data: object, offset: int) -> int:
        raise OSError(errno.ENOSPC, "full")

    partial = Partial(tmp_path, len(DATA), piece=1000, pwrite=full)
    with pytest.raises(OSError, match="full"):
        partial.put(0, DATA[:1000])
    assert partial.held == 0
    partial.close()


def test_a_short_write_is_continued(tmp_path: Path) -> None:
    def short(fd: int, data: bytes | bytearray | memoryview, offset: int) -> int:
        return os.pwrite(fd, memoryview(data)[:7], offset)

    partial = Partial(tmp_path, len(DATA), piece=1000, pwrite=short)
    partial.put(0, DATA[:1000])
    assert partial.data.read_bytes() == DATA[:1000]
    partial.close()


def test_bytes_beyond_the_end_are_refused(partial: Partial) -> None:
    filler = Filler(partial, 2000)
    with pytest.raises(SizeMismatch):
        filler.feed(bytes(501))
    assert partial.held == 0


def test_a_file_of_unknown_size_ends_where_its_filler_does(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(bytes(9999))
    partial = Partial(tmp_path, None, piece=1000)
    filler = Filler(partial, 0)
    filler.feed(DATA)
    assert partial.held == 2000
    filler.finish()
    assert partial.data.read_bytes() == DATA
    assert partial.follow(2000) == 2500
    partial.close()


@given(portions=st.lists(st.integers(1, 700)), start=st.sampled_from([0, 1000, 2000]))
def test_portions_of_any_length_fill_whole_pieces(
    tmp_path_factory: pytest.TempPathFactory, portions: list[int], start: int
) -> None:
    partial = Partial(tmp_path_factory.mktemp("p"), len(DATA), piece=1000)
    filler, at = Filler(partial, start), start
    for portion in portions:
        chunk = DATA[at : at + portion]
        filler.feed(chunk)
        at += len(chunk)
    whole = at if at == len(DATA) else at // 1000 * 1000
    assert partial.held == whole - start
    assert partial.data.read_bytes()[start:whole] == DATA[start:whole]
    partial.close()

"""Tests for git's conflict markers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.errors import LockError
from zoo.lock.conflict import is_conflicted, sides

TWO = "a\n<<<<<<< HEAD\nours\n=======\ntheirs\n>>>>>>> branch with words\nz\n"
DIFF3 = "a\n<<<<<<< HEAD\nours\n||||||| 687128c\nbase\n=======\ntheirs\n>>>>>>> branch\nz\n"


def test_a_text_without_markers_has_one_side() -> None:
    assert not is_conflicted("a\nb <<<<<<< c\n")
    assert sides("a\nb\n") == ("a\nb\n",)


@pytest.mark.parametrize("text", [TWO, DIFF3])
def test_a_conflict_has_two_sides_and_the_ancestor_is_neither(text: str) -> None:
    assert is_conflicted(text)
    assert sides(text) == ("a\nours\nz\n", "a\ntheirs\nz\n")


def test_windows_line_ends_are_kept() -> None:
    assert sides(TWO.replace("\n", "\r\n")) == ("a\r\nours\r\nz\r\n", "a\r\ntheirs\r\nz\r\n")


def test_several_conflicts_are_chosen_alike() -> None:
    assert sides(TWO + TWO) == ("a\nours\nz\n" * 2, "a\ntheirs\nz\n" * 2)


def test_longer_markers_inside_an_ancestor_are_no_markers() -> None:
    inner = "<<<<<<<<< x\n1\n=========\n2\n>>>>>>>>> y\n"
    text = f"<<<<<<< a\nours\n||||||| base\n{inner}=======\ntheirs\n>>>>>>> b\n"
    assert sides(text) == ("ours\n", "theirs\n")


def test_a_conflict_that_was_committed_and_merged_again_has_more_sides() -> None:
    text = f"<<<<<<< HEAD\n{TWO}=======\nmain\n>>>>>>> main\n"
    assert set(sides(text)) == {"a\nours\nz\n", "a\ntheirs\nz\n", "main\n"}


@pytest.mark.parametrize(
    "text",
    [
        "<<<<<<< a\nx\n",
        "<<<<<<< a\nx\n=======\n",
        "<<<<<<< a\nx\n>>>>>>> b\n",
        "=======\n",
        ">>>>>>> b\n",
        "<<<<<<< a\n=======\n=======\n>>>>>>> b\n",
        "<<<<<<< a\n=======\n||||||| c\n>>>>>>> b\n",
        "<<<<<<< a\n" * 5 + "=======\n>>>>>>> b\n" * 5,
    ],
)
def test_markers_that_do_not_match_are_refused(text: str) -> None:
    with pytest.raises(LockError, match="do not match"):
        sides(text)


_LINES = st.lists(
    st.sampled_from(["a\n", "<<<<<<< x\n", "||||||| x\n", "=======\n", ">>>>>>> x\n"]), max_size=30
)


@given(lines=_LINES)
def test_any_text_is_split_or_refused(lines: list[str]) -> None:
    try:
        texts = sides("".join(lines))
    except LockError:
        return
    assert 1 <= len(texts) <= 16
    assert not any(is_conflicted(text) for text in texts)

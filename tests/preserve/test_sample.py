"""Which blocks are read back."""

from __future__ import annotations

from collections.abc import Callable

from zoo.ipfs.cid import RAW
from zoo.preserve.content import Content
from zoo.preserve.sample import Sample

MIB = 1 << 20


def test_a_sample_has_every_inner_block_and_some_leaves(make_content: Callable[..., Content]) -> None:
    content = make_content(9 * MIB)
    chosen = Sample(4).of(content)
    assert content.cid in chosen
    assert sum(cid.codec == RAW for cid in chosen) == 4
    assert Sample(4).told(content) == "5 of its 10 blocks read back"


def test_no_two_samples_can_be_foreseen(make_content: Callable[..., Content]) -> None:
    content = make_content(9 * MIB)
    assert len({frozenset(Sample(4).of(content)) for _ in range(20)}) > 1


def test_all_are_all(make_content: Callable[..., Content]) -> None:
    content = make_content(3 * MIB)
    assert Sample(None).of(content).keys() == Sample(3).of(content).keys() == content.cids()
    assert Sample(None).told(content) == "all of its 4 blocks read back"
    assert Sample().told(make_content(5)) == "its only block read back"

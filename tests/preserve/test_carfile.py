"""The target `car`: the file is there when it is whole, and not before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from zoo.errors import IntegrityError, SourceChanged
from zoo.ipfs import car as cars
from zoo.preserve.carfile import CarFile
from zoo.preserve.content import Content
from zoo.preserve.events import Event, Sent

MakeContent = Callable[..., Content]


def test_several_files_become_one_car_with_a_root_each(
    tmp_path: Path, make_content: MakeContent, events: list[Event]
) -> None:
    contents = [make_content(seed=1, name="a"), make_content(10, seed=2, name="b")]
    path = tmp_path / "out.car"
    path.write_bytes(b"an older one")
    assert list(CarFile(path).keep(contents, events.append)) == contents
    sections = cars.Sections()
    there = {block.cid for block in sections.feed(path.read_bytes())}
    assert sections.roots == tuple(content.cid for content in contents)
    assert there == contents[0].cids() | contents[1].cids()
    assert sum(event.size for event in events if isinstance(event, Sent)) == path.stat().st_size
    assert [each.name for each in tmp_path.iterdir()] == ["out.car"]


def test_a_file_that_shrank_leaves_no_car(tmp_path: Path, content: Content, events: list[Event]) -> None:
    shrunk = replace(content, read=lambda offset, length: content.read(offset, length)[:-1])
    with pytest.raises(SourceChanged):
        list(CarFile(tmp_path / "out.car").keep([shrunk], events.append))
    assert list(tmp_path.iterdir()) == []


def test_bytes_that_changed_since_they_were_hashed_are_found_on_reading_back(
    tmp_path: Path, content: Content, events: list[Event]
) -> None:
    changed = replace(content, read=lambda _, length: bytes(length))
    with pytest.raises(IntegrityError, match="is not what was written"):
        list(CarFile(tmp_path / "out.car").keep([changed], events.append))
    assert list(tmp_path.iterdir()) == []

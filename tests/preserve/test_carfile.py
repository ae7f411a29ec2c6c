"""The target `car`: the file is there when it is whole, and not before."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from zoo.errors import IntegrityError, NoSpace, SourceChanged, TargetError
from zoo.ipfs import car as cars
from zoo.preserve.carfile import CarFile
from zoo.preserve.content import Content
from zoo.preserve.events import Event, Sent
from zoo.store import space

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


def test_a_car_may_have_more_roots_than_fit_into_a_header_of_strangers(
    tmp_path: Path, make_content: MakeContent, events: list[Event]
) -> None:
    contents = [make_content(10, seed=seed, name=str(seed)) for seed in range(200)]
    assert list(CarFile(tmp_path / "out.car").keep(contents, events.append)) == contents


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


def keep(path: Path, content: Content) -> None:
    target = CarFile(path)
    target.ready([].append)
    assert list(target.keep([content], [].append)) == [content]


def test_a_link_stays_one_and_its_file_is_written(tmp_path: Path, content: Content) -> None:
    (tmp_path / "link.car").symlink_to("real.car")
    keep(tmp_path / "link.car", content)
    assert (tmp_path / "link.car").is_symlink()
    assert (tmp_path / "real.car").stat().st_size == content.car().size()


def test_what_is_no_file_is_not_replaced_by_one(tmp_path: Path, content: Content) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("/dev/null")
    for name in ("pipe", "folder", "link", "."):
        with pytest.raises(TargetError, match="no file that could be replaced"):
            CarFile(tmp_path / name).ready([].append)
    with pytest.raises(TargetError, match="no file that could be replaced"):
        CarFile(Path("/")).ready([].append)
    with pytest.raises(TargetError, match="File name too long"):
        CarFile(tmp_path / ("x" * 252)).ready([].append)


def test_what_a_killed_one_left_is_taken_over(tmp_path: Path, content: Content) -> None:
    (tmp_path / ".out.car.part").write_bytes(bytes(10 * content.dag.size))
    keep(tmp_path / "out.car", content)
    assert [each.name for each in tmp_path.iterdir()] == ["out.car"]
    assert (tmp_path / "out.car").stat().st_size == content.car().size()


def test_two_do_not_write_the_same_car(tmp_path: Path, content: Content) -> None:
    path = tmp_path / "out.car"

    def read(offset: int, length: int) -> bytes:
        with pytest.raises(TargetError, match="is being written already"):
            keep(path, content)
        return content.read(offset, length)

    keep(path, replace(content, read=read))
    assert path.stat().st_size == content.car().size()
    assert [each.name for each in tmp_path.iterdir()] == ["out.car"]


def test_a_disk_without_room_is_found_before_anything_is_written(
    tmp_path: Path, content: Content, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(space, "room", lambda _: 1000)
    with pytest.raises(NoSpace, match=r"will have 3,\d+,\d+ bytes, and there is room for 1,000"):
        keep(tmp_path / "out.car", content)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_becomes_full_is_said_to_be(tmp_path: Path, content: Content) -> None:
    def read(offset: int, length: int) -> bytes:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(NoSpace, match="the disk is full"):
        keep(tmp_path / "out.car", replace(content, read=read))
    assert list(tmp_path.iterdir()) == []

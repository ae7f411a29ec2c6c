"""What is wrong with the folder that the data is in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from zoo.doctor import place
from zoo.doctor.place import Place, checks, failing

PLACE = Place(
    data=Path("/data/eai"),
    folder=Path("/data/eai/store"),
    owner="ada",
    mine=True,
    writable=True,
    mode=0o755,
    filesystem="ext4",
    total=1 << 40,
    room=1 << 39,
)


def _levels(seen: Place) -> list[str]:
    return [found.level for found in checks(seen)]


def test_nothing_is_wrong_with_a_folder_of_ones_own() -> None:
    assert list(checks(PLACE)) == []


def test_a_folder_that_is_not_there_yet_is_looked_at_through_the_one_above(tmp_path: Path) -> None:
    seen = place.look(tmp_path / "not" / "there", mounts=[("/", "ext4"), (str(tmp_path), "tmpfs")])

    assert (seen.folder, seen.filesystem, seen.mine, seen.writable) == (tmp_path, "tmpfs", True, True)
    assert seen.fails == ()
    assert list(tmp_path.iterdir()) == []


def test_this_machine_says_which_file_system_it_is(tmp_path: Path) -> None:
    assert place.look(tmp_path).filesystem


def test_what_was_mounted_last_is_on_top(tmp_path: Path) -> None:
    seen = place.look(
        tmp_path, mounts=[(str(tmp_path), "ext4"), (str(tmp_path), "overlay"), ("/else", "xfs")]
    )
    assert seen.filesystem == "overlay"
    assert place.look(tmp_path, mounts=[]).filesystem is None


def test_a_folder_of_another_user_stops_everything() -> None:
    (found,) = checks(replace(PLACE, mine=False, writable=False, owner="root"))

    assert (found.level, found.what) == (
        "error",
        "this user may not write to /data/eai/store, which belongs to root",
    )
    assert found.remedy is not None
    assert "chown" in found.remedy
    assert "EAI_HOME" in found.remedy


def test_a_folder_of_ones_own_that_is_closed_can_be_opened() -> None:
    (found,) = checks(replace(PLACE, writable=False))
    assert found.remedy is not None
    assert found.remedy.startswith("`chmod u+rwx /data/eai/store`")


def test_no_mode_opens_what_is_mounted_read_only() -> None:
    (found,) = checks(replace(PLACE, writable=False, read_only=True))
    assert (found.level, found.what) == (
        "error",
        "the file system of /data/eai/store is mounted read-only",
    )
    assert "chmod" not in str(found.remedy)


def test_whoever_may_write_into_a_strangers_store_is_warned() -> None:
    (found,) = checks(replace(PLACE, mine=False))
    assert (found.level, found.remedy) == (
        "warning",
        "run eai as ada, or EAI_HOME says which folder eai keeps its data in",
    )


@pytest.mark.parametrize("mode", [0o775, 0o777, 0o757])
def test_a_store_that_others_may_change_is_warned_of(mode: int) -> None:
    assert _levels(replace(PLACE, mode=mode)) == ["warning"]
    assert _levels(replace(PLACE, mode=mode, folder=Path("/data"))) == []  # not eai's own folder


def test_a_disk_that_is_nearly_full_is_warned_of() -> None:
    (found,) = checks(replace(PLACE, room=100 << 20))
    assert "100 MiB more" in found.what


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "9p", "fuse.sshfs"])
def test_a_folder_across_a_network_is_mentioned(kind: str) -> None:
    assert _levels(replace(PLACE, filesystem=kind)) == ["note"]


@pytest.mark.parametrize(
    ("name", "level"),
    [("files", "error"), ("locks", "warning"), ("maps", "error"), ("links", "error"), ("modes", "warning")],
)
def test_what_a_file_system_cannot_do_is_told(name: str, level: str) -> None:
    (found,) = checks(replace(PLACE, fails=(name,)))
    assert found.level == level
    assert "/data/eai/store" in found.what


def test_what_fails_is_named_and_nothing_stays(tmp_path: Path) -> None:
    def refuses(folder: Path) -> None:
        (folder / "left").touch()
        raise OSError

    def works(folder: Path) -> None:
        (folder / "left").touch()

    assert list(failing(tmp_path, [("locks", refuses), ("maps", works)])) == ["locks"]
    assert list(failing(tmp_path)) == []
    assert list(failing(tmp_path / "none")) == ["files"]
    assert list(tmp_path.iterdir()) == []


def test_permissions_that_do_not_stay_are_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "chmod", lambda *_: None)
    assert list(failing(tmp_path)) == ["modes"]

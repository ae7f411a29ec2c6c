"""Where everything in a store lies."""

from __future__ import annotations

from pathlib import Path

import pytest

from zoo.digest import Digest
from zoo.errors import EaiError
from zoo.store import Store
from zoo.store.layout import Layout

DIGEST = Digest("sha256:" + "ab" * 32)


def test_an_object_lies_under_its_first_two_digits(tmp_path: Path) -> None:
    path = Layout(tmp_path).object(DIGEST)
    assert path.relative_to(tmp_path).as_posix() == f"objects/sha256/ab/{'ab' * 32}"


def test_looking_makes_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    assert not store.has(DIGEST)
    assert store.sizes() == {}
    assert store.verify().objects == 0
    assert not store.root.exists()


def test_a_store_says_its_version_and_that_backups_may_skip_it(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.prepare()
    layout.prepare()
    assert (tmp_path / "version").read_text() == "1\n"
    assert (tmp_path / "CACHEDIR.TAG").read_bytes().startswith(b"Signature: 8a477f597d28d172789f06886806bc55")


@pytest.mark.parametrize("text", ["2\n", "", "x" * 100, "\xff"])
def test_a_store_of_another_version_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "version").write_text(text, encoding="utf-8")
    with pytest.raises(EaiError, match="layout"):
        Store(tmp_path)


def test_only_objects_are_listed(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.prepare()
    folder = layout.object(DIGEST).parent
    folder.mkdir()
    for name in ("ab" * 32, "ab" * 32 + ".json", "ab" * 32 + ".corrupt", "AB" * 32, "readme"):
        (folder / name).touch()
    (folder / ("cd" * 32)).symlink_to("/etc/passwd")
    assert list(layout.digests()) == [DIGEST]

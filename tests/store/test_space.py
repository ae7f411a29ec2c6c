"""Room on the disk."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from zoo.errors import NoSpace
from zoo.store import Store, space


def test_what_fits_fits(store: Store) -> None:
    store.require(1)


def test_what_does_not_fit_is_refused_with_both_numbers(tmp_path: Path) -> None:
    needed = shutil.disk_usage(tmp_path).total + 1
    with pytest.raises(NoSpace, match=f"{needed:,} bytes are to come.* has room for [0-9,]+") as caught:
        space.check(tmp_path, needed)
    assert caught.value.exit_code == 6


def test_a_part_of_the_disk_stays_free(tmp_path: Path) -> None:
    with pytest.raises(NoSpace):
        space.check(tmp_path, shutil.disk_usage(tmp_path).free)

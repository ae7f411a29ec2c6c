"""How many cores an engine may use."""

from __future__ import annotations

from pathlib import Path

import pytest

from zoo.environment import cores


def _quota(folder: Path, text: str) -> Path:
    path = folder / "cpu.max"
    path.write_text(text)
    return path


def test_a_containers_grant_is_kept(tmp_path: Path) -> None:
    assert cores.count(_quota(tmp_path, "100000 100000\n")) == 1


@pytest.mark.parametrize("text", ["max 100000\n", "", "odd", "1 0"])
def test_without_a_grant_all_cores_are_used(tmp_path: Path, text: str) -> None:
    assert cores.count(_quota(tmp_path, text)) == cores.count(tmp_path / "none") >= 1

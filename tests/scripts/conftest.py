"""Machines for the scripts to run on: stand-ins for boards and Macs, and a real Debian in a folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support import debian, stand_in


@pytest.fixture
def machine(tmp_path: Path) -> stand_in.Machine:
    return stand_in.machine(tmp_path)


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[debian.Root]:
    """A Debian with nothing but its own minimum, and a copy of this repository in it."""
    with debian.unpacked(tmp_path / "debian") as root:
        root.copy_repository(Path(__file__).parents[2])
        yield root

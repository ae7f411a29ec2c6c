"""How many compilers run side by side."""

from __future__ import annotations

from pathlib import Path

import pytest

from zoo.toolchains import jobs

GIB = 1 << 30


@pytest.mark.parametrize(
    ("cores", "available", "expected"),
    [(8, 64 * GIB, 8), (8, 6 * GIB, 4), (2, 1 * GIB, 1), (1, 64 * GIB, 1), (16, 0, 1)],
)
def test_compilers_are_as_many_as_cores_and_memory_allow(
    tmp_path: Path, cores: int, available: int, expected: int
) -> None:
    assert jobs.count(cores=cores, available=available, cgroup=tmp_path) == expected


def test_a_containers_limits_count(tmp_path: Path) -> None:
    (tmp_path / "cpu.max").write_text("300000 100000\n")
    assert jobs.count(cores=8, available=64 * GIB, cgroup=tmp_path) == 3

    (tmp_path / "memory.max").write_text(f"{4 * GIB}\n")
    (tmp_path / "memory.current").write_text(f"{2 * GIB}\n")
    (tmp_path / "memory.stat").write_text(f"anon 5\ninactive_file {GIB}\n")
    assert jobs.count(cores=8, available=64 * GIB, cgroup=tmp_path) == 2

    for name in ("cpu.max", "memory.max"):
        (tmp_path / name).write_text("max\n")
    assert jobs.count(cores=8, available=64 * GIB, cgroup=tmp_path) == 8


def test_this_machine_can_run_one() -> None:
    assert jobs.count() >= 1

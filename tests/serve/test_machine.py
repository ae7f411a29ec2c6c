"""The memory that models may take."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.bench import GIB, a_model

from zoo.errors import EngineTooLarge
from zoo.serve.machine import Budget, budget, require_room

NO_GROUP = Path("/nonexistent")


def test_a_declared_size_is_taken_as_it_is() -> None:
    assert budget("12GiB", available=GIB, cgroup=NO_GROUP).size == 12 * GIB
    assert budget("1.5 GB", available=GIB, cgroup=NO_GROUP).size == 1_500_000_000


def test_auto_leaves_something_to_the_machine() -> None:
    assert budget("auto", available=100 * GIB, cgroup=NO_GROUP).size == 95 * GIB
    assert budget("auto", available=2 * GIB, cgroup=NO_GROUP).size == int(1.5 * GIB)
    assert budget("auto", available=100, cgroup=NO_GROUP).size == 0


def test_auto_asks_this_machine() -> None:
    assert not budget("auto").declared
    assert 0 < budget("auto").size < 2**50


def test_auto_respects_the_limit_of_a_container(tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text(f"{10 * GIB}\n")
    (tmp_path / "memory.current").write_text(f"{4 * GIB}\n")
    (tmp_path / "memory.stat").write_text(f"anon 1\ninactive_file {2 * GIB}\n")
    assert budget("auto", available=100 * GIB, cgroup=tmp_path).size == int(8 * GIB - 0.5 * GIB)
    (tmp_path / "memory.max").write_text("max\n")
    assert budget("auto", available=100 * GIB, cgroup=tmp_path).size == 95 * GIB


def test_a_model_that_can_never_fit_is_refused() -> None:
    require_room(a_model("a", GIB), Budget(size=GIB))
    with pytest.raises(EngineTooLarge, match=r"a needs 1\.0 GiB of memory.* 1023 MiB together"):
        require_room(a_model("a", GIB), Budget(size=GIB - 2**20))

"""The memory that models may take."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.bench import GIB, a_model
from support.serving import environment

from zoo.environment.model import ServedModel
from zoo.errors import EngineTooLarge
from zoo.serve.gpus import Gpus
from zoo.serve.machine import Budget, budget, of, require_room
from zoo.serve.memory import Memory

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


def on_gpu(name: str, memory: int, gpu: int) -> ServedModel:
    return a_model(name, memory, gpu=gpu)


def of_machine(found: Gpus | None, *models: ServedModel, **server: str) -> Budget:
    declared = {"memory": "32GiB", **server}
    return of(environment(*models, **declared), lambda: found)


def test_no_gpu_is_looked_for_where_no_model_computes_on_one() -> None:
    def nobody() -> Gpus | None:
        pytest.fail("a GPU was looked for")

    assert of(environment(a_model("a"), memory="32GiB"), nobody).gpu is None


def test_auto_takes_what_is_free_of_gpu_memory_and_leaves_some() -> None:
    made = of_machine(Gpus(total=24 * GIB, free=20 * GIB), on_gpu("a", 8 * GIB, 8 * GIB))
    assert (made.gpu, made.gpu_declared, made.unified) == (19 * GIB, False, False)
    need = made.need(on_gpu("a", 8 * GIB, 8 * GIB))
    assert (need.gpu, need.host) == (8 * GIB, GIB)  # its process, the driver, the table of tokens
    half = made.need(on_gpu("a", 8 * GIB, 4 * GIB))
    assert (half.gpu, half.host) == (4 * GIB, 4 * GIB + GIB * 3 // 4)
    assert made.need(a_model("a", GIB)) == Memory(GIB)


def test_a_declared_size_of_gpu_memory_is_taken_as_it_is() -> None:
    made = of_machine(Gpus(24 * GIB, 20 * GIB), on_gpu("a", GIB, GIB), gpu_memory="6GiB")
    assert made.room == Memory(32 * GIB, 6 * GIB)
    assert made.gpu_declared


@pytest.mark.parametrize("found", [Gpus(unified=True), None])
def test_memory_that_both_share_is_one_pool(found: Gpus | None) -> None:
    model = on_gpu("a", 8 * GIB, 8 * GIB)
    made = of_machine(found, model)
    assert made.unified
    assert made.need(model) == Memory(8 * GIB, 8 * GIB)
    assert made.room == Memory(32 * GIB, 32 * GIB)


def test_a_part_of_shared_memory_can_be_declared_for_the_gpu() -> None:
    made = of_machine(Gpus(unified=True), on_gpu("a", GIB, GIB), gpu_memory="6GiB")
    assert (made.unified, made.room) == (True, Memory(32 * GIB, 6 * GIB))


def test_a_model_that_no_gpu_here_can_hold_is_refused_with_both_numbers() -> None:
    model = on_gpu("a", 30 * GIB, 30 * GIB)
    made = of_machine(Gpus(24 * GIB, 20 * GIB), model)
    with pytest.raises(
        EngineTooLarge, match=r"a needs 30\.0 GiB of GPU memory.* 19\.0 GiB together"
    ) as caught:
        require_room(model, made)
    assert "fewer gpu-layers" in str(caught.value.hint)
    assert "`gpu-memory` of [server]" in str(caught.value.hint)

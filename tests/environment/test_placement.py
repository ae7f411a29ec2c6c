"""How much of a model lies in GPU memory."""

from __future__ import annotations

from pathlib import Path

import pytest
from models.chat import write_chat
from msgspec.structs import replace
from support.locked import model

from zoo.environment.placement import is_cpu, on_gpu
from zoo.lock.model import File, Model


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    return write_chat(tmp_path / "chat.gguf")[0]


@pytest.fixture
def locked(weights: Path) -> Model:
    made = model("a", File(path="chat.gguf", digest="sha256:" + "0" * 64))  # type: ignore[arg-type] - a digest, as text
    return replace(made, memory=900)


def layers(locked: Model, count: int | str) -> Model:
    return replace(locked, settings=replace(locked.settings, gpu_layers=count))


def test_a_build_for_a_cpu_keeps_nothing_on_a_gpu(locked: Model, weights: Path) -> None:
    assert on_gpu(layers(locked, "all"), "cpu", weights) == 0
    assert on_gpu(layers(locked, "all"), "cpu-avx512", weights) == 0


def test_all_layers_are_all_of_it(locked: Model, weights: Path) -> None:
    for variant in ("cuda-12.8", "vulkan", "metal", "rocm"):
        assert on_gpu(layers(locked, "all"), variant, weights) == 900


def test_some_layers_are_their_part_and_the_output_is_one_more(locked: Model, weights: Path) -> None:
    shares = [on_gpu(layers(locked, count), "vulkan", weights) for count in range(4)]
    assert shares[0] == 0
    assert shares == sorted(shares)
    assert 0 < shares[1] < 900
    assert on_gpu(layers(locked, 99), "vulkan", weights) == 900


def test_weights_that_do_not_say_how_many_layers_they_have_count_whole(locked: Model, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"no model")
    assert on_gpu(layers(locked, 1), "cuda-12.8", tmp_path / "x") == 900


def test_only_variants_called_cpu_are_for_a_cpu() -> None:
    assert [is_cpu(each) for each in ("cpu", "cpu-avx2", "cpux", "metal")] == [True, True, False, False]

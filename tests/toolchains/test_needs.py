"""What a machine lacks that a build needs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from zoo.lock.model import Build, File, Recipe, Toolchain, ToolchainRequest
from zoo.toolchains import known, needs, variants
from zoo.toolchains.gpus import Gpu
from zoo.toolchains.machine import Machine

MACHINE = Machine(glibc="2.36", cpu=frozenset({"avx2", "fma"}))
NEEDS = known.Needs(glibc="2.17", cpu=("avx2", "fma"), libraries=("libgomp.so.1",), stable_abi=True)
CUDA = known.Needs(gpu="nvidia", driver="580", compute="7.5", jetson=False)
ADA = Gpu(kind="nvidia", name="L4", driver="580.65.06", compute="8.9")


def _said(wanted: known.Needs, machine: Machine) -> str:
    return "\n".join(map(str, needs.obstacles(wanted, machine)))


def test_a_machine_that_has_all_meets_no_obstacle() -> None:
    assert needs.obstacles(NEEDS, MACHINE) == ()


@pytest.mark.parametrize(
    ("machine", "says"),
    [
        (replace(MACHINE, cpu=frozenset({"avx2"})), "processor with fma"),
        (replace(MACHINE, glibc="2.12"), "glibc 2.17 or newer, and this machine has 2.12"),
        (replace(MACHINE, glibc=None), "this machine has no glibc"),
        (replace(MACHINE, loads=lambda _: False), "needs libgomp.so.1"),
        (replace(MACHINE, free_threaded=True), "free-threaded Python"),
    ],
)
def test_what_a_machine_lacks_is_named(machine: Machine, says: str) -> None:
    assert says in _said(NEEDS, machine)


def test_all_that_is_lacking_is_named_at_once() -> None:
    machine = Machine(glibc="2.12", cpu=frozenset(), loads=lambda _: False)

    assert len(needs.obstacles(NEEDS, machine)) == 3


def test_a_missing_library_is_said_how_to_get() -> None:
    assert "apt-get install libgomp1" in _said(NEEDS, replace(MACHINE, loads=lambda _: False))


def test_an_old_macos_is_refused() -> None:
    wanted = known.Needs(macos="13.0")

    assert "macOS 13.0 or newer, and this machine has 12.6" in _said(wanted, replace(MACHINE, macos="12.6"))
    assert needs.obstacles(wanted, replace(MACHINE, macos="13.3.1")) == ()


def test_a_processor_that_cannot_be_asked_is_trusted() -> None:
    assert needs.obstacles(NEEDS, replace(MACHINE, cpu=None)) == ()


@pytest.mark.parametrize(
    ("gpus", "says"),
    [
        ((ADA,), ""),
        ((), "needs an NVIDIA GPU, and none is seen"),
        ((Gpu(kind="amd", name="x"),), "needs an NVIDIA GPU, and none is seen"),
        ((replace(ADA, driver="575.57.08"),), "driver 580 or newer, and this machine has 575.57.08"),
        ((replace(ADA, driver=None),), "driver 580 or newer, and this machine has none"),
        ((replace(ADA, driver="no version"),), "driver 580 or newer"),
        ((replace(ADA, compute="6.1"),), "compute capability 7.5 or more, and this machine's has 6.1"),
        ((replace(ADA, compute="6.1"), ADA), ""),
        ((replace(ADA, compute=None),), ""),
    ],
)
def test_cuda_needs_a_driver_and_a_gpu_that_it_has_code_for(gpus: tuple[Gpu, ...], says: str) -> None:
    assert says in _said(CUDA, replace(MACHINE, gpus=lambda: gpus))
    assert bool(says) == bool(_said(CUDA, replace(MACHINE, gpus=lambda: gpus)))


def test_the_official_build_is_not_for_a_jetson() -> None:
    board = replace(MACHINE, jetson="36.4.0", gpus=lambda: (ADA,))

    assert 'no code for the GPU of a Jetson (`variant = "jetson"`' in _said(CUDA, board)
    assert needs.obstacles(replace_jetson(CUDA), board) == ()


def replace_jetson(wanted: known.Needs) -> known.Needs:
    return known.Needs(gpu=wanted.gpu, driver=wanted.driver, compute=wanted.compute)


def test_any_gpu_will_do_for_vulkan() -> None:
    wanted = known.Needs(gpu="any")

    assert needs.obstacles(wanted, replace(MACHINE, gpus=lambda: (Gpu(kind="intel", name="Arc"),))) == ()
    assert "needs a GPU, and none is seen" in _said(wanted, MACHINE)


def test_no_gpu_is_looked_for_where_none_is_needed() -> None:
    def never() -> tuple[Gpu, ...]:
        raise AssertionError

    assert needs.obstacles(NEEDS, replace(MACHINE, gpus=never)) == ()


@pytest.mark.parametrize(
    ("variant", "driver", "compute"),
    [
        ("cuda-12.8", "525", "5.0"),
        ("cuda-13.4", "580", "7.5"),
        ("cuda-14.0", "580", "7.5"),
        ("cuda", "580", "7.5"),
    ],
)
def test_the_number_of_cuda_decides_which_driver_it_needs(variant: str, driver: str, compute: str) -> None:
    found = needs.of_release(known.github("llama-cpp"), "linux-x86_64", variant)

    assert (found.gpu, found.driver, found.compute, found.jetson) == ("nvidia", driver, compute, False)


def test_a_build_with_rocm_needs_its_version() -> None:
    found = needs.of_release(known.github("llama-cpp"), "linux-x86_64", "rocm-10.0")

    assert (found.gpu, found.rocm) == ("amd", "10.0")
    assert "ROCm 10.0 or newer, and this machine has no ROCm" in _said(found, MACHINE)


def _toolchain(source: str, build: Build, name: str = "llama-cpp") -> Toolchain:
    request = ToolchainRequest(version="latest", source=source, variant="cpu")  # type: ignore[arg-type] - a provider
    return Toolchain(name=name, request=request, version="b1", builds=(build,))


def test_what_a_locked_build_needs_follows_from_where_it_is_from() -> None:
    archive = Build(platform="linux-x86_64", variant="cpu", program="llama-server")
    made = Build(
        platform="linux-x86_64",
        variant="cpu",
        program="p",
        recipe=Recipe(folder="", flags=(), targets=("p",)),
    )
    own = Build(platform="linux-x86_64", variant="cpu", program="p", files=(File(path="p", digest="d"),))  # type: ignore[arg-type] - any digest

    assert needs.of(_toolchain("pypi", archive), archive).stable_abi
    assert needs.of(_toolchain("github", archive), archive).glibc == "2.35"
    assert needs.of(_toolchain("github", archive, "something-else"), archive) == known.Needs()
    assert needs.of(_toolchain("source", made), made) == known.Needs(cpu=("avx2", "bmi2", "f16c", "fma"))
    assert needs.of(_toolchain("source", made, "something-else"), made) == known.Needs()
    assert needs.of(_toolchain("pypi", own), own) == known.Needs()


@pytest.mark.parametrize(
    ("variant", "gpu"),
    [("cuda", "nvidia"), ("vulkan", "any"), ("rocm", "amd"), ("cpu", None)],
)
def test_what_is_built_here_for_a_gpu_needs_one(variant: str, gpu: str | None) -> None:
    recipe = Recipe(folder="", flags=(), targets=("p",))
    build = Build(platform="linux-aarch64", variant=variant, program="p", recipe=recipe)

    assert needs.of(_toolchain("source", build), build) == known.Needs(gpu=gpu)  # type: ignore[arg-type] - one of its words


@pytest.mark.parametrize(
    ("board", "runs"),
    [
        ("xavier", {"cuda-xavier"}),
        ("orin", {"cuda-orin", "cuda-orin-nano"}),
        ("orin-nano", {"cuda-orin-nano"}),
        ("thor", {"cuda-thor"}),
        (None, set()),
    ],
)
def test_each_board_runs_what_was_made_for_it(board: str | None, runs: set[str]) -> None:
    machine = replace(MACHINE, board=board, gpus=lambda: (replace(ADA, compute=None),))
    wanted = {each: needs.of_source("llama-cpp", "linux-aarch64", each) for each in variants.BOARDS}

    assert {each for each, need in wanted.items() if not needs.obstacles(need, machine)} == runs


@pytest.mark.parametrize(
    ("seen", "says"),
    [
        ({"board": "thor", "jetson": "38.2.0"}, "is for a Jetson Orin, and this is a Jetson Thor"),
        ({}, "is for a Jetson Orin, and this machine is none"),
        ({"jetson": "36.4.0"}, "cannot be seen: /proc/device-tree does not say (`--variant cuda-orin`"),
    ],
)
def test_another_machine_is_told_what_it_is(seen: dict[str, str], says: str) -> None:
    machine = Machine(gpus=lambda: (ADA,), **seen)  # type: ignore[arg-type] - strings, all of them

    assert says in _said(needs.of_source("llama-cpp", "linux-aarch64", "cuda-orin"), machine)


def test_a_variant_that_this_eai_knows_nothing_of_is_taken_as_it_is() -> None:
    assert needs.of_release(known.github("llama-cpp"), "linux-x86_64", "quantum") == known.Needs()


def test_every_library_that_official_builds_need_is_said_how_to_get() -> None:
    for name in known.NAMES:
        for asset in known.github(name).assets:
            assert all(needs.remedy(library) for library in asset.needs.libraries), asset

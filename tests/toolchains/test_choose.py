"""Which of the locked builds a machine takes, and why not the better ones."""

from __future__ import annotations

from dataclasses import replace

import pytest
from msgspec.structs import replace as replaced
from support.locked import lock

from zoo.digest import Digest
from zoo.environment.identity import environment_id
from zoo.errors import EaiError, EngineError, UsageError
from zoo.lock.model import Build, Lock, Recipe, Toolchain, ToolchainRequest
from zoo.platform import Platform
from zoo.toolchains.choose import candidates, choices, choose, every
from zoo.toolchains.gpus import Gpu
from zoo.toolchains.machine import Machine
from zoo.toolchains.variants import BOARDS

LINUX: Platform = "linux-x86_64"
PLAIN = Machine(glibc="2.40")
ADA = Gpu(kind="nvidia", name="L4", driver="580.65.06", compute="8.9")
NVIDIA = replace(PLAIN, gpus=lambda: (ADA,))
OLD_DRIVER = replace(PLAIN, gpus=lambda: (replace(ADA, driver="550.54"),))


def _build(variant: str, platform: Platform = LINUX, **more: object) -> Build:
    made = Build(
        platform=platform,
        variant=variant,
        program="llama-server",
        digest=Digest.of_hex(f"{sum(variant.encode()) % 256:02x}" * 32),
    )
    return replaced(made, **more)


def _lock(*variants: str, asked: str | tuple[str, ...] = "cpu", source: str = "github") -> Lock:
    request = ToolchainRequest(version="latest", source=source, variant=asked)  # type: ignore[arg-type] - a provider
    builds = (*map(_build, variants), _build("metal", "macos-arm64"))
    toolchain = Toolchain(name="llama-cpp", request=request, version="b11549", builds=builds)
    return replaced(lock(), toolchain=(toolchain,))


def _taken(locked: Lock, machine: Machine, insist: str | None = None) -> str:
    return choose(locked, LINUX, machine, insist=insist)["llama-cpp"].variant


ALL = _lock("cpu", "vulkan", "cuda-12.8", "cuda-13.4", asked=("cuda", "vulkan", "cpu"))


@pytest.mark.parametrize(
    ("machine", "taken"),
    [
        (PLAIN, "cpu"),
        (NVIDIA, "cuda-13.4"),
        (OLD_DRIVER, "cuda-12.8"),
        (replace(NVIDIA, loads=lambda name: name != "libcuda.so.1"), "vulkan"),
        (replace(NVIDIA, loads=lambda name: name not in {"libcuda.so.1", "libvulkan.so.1"}), "cpu"),
        (replace(NVIDIA, glibc="2.36"), "vulkan"),
        (replace(PLAIN, gpus=lambda: (Gpu(kind="amd", name="x"),)), "vulkan"),
    ],
)
def test_the_first_that_the_machine_can_run_is_taken(machine: Machine, taken: str) -> None:
    assert _taken(ALL, machine) == taken


def test_it_is_said_why_better_ones_were_passed_over() -> None:
    choice = choices(ALL, LINUX, OLD_DRIVER)["llama-cpp"]

    assert choice.several
    assert [judged.build.variant for judged in choice.passed] == ["cuda-13.4"]
    assert "driver 580 or newer, and this machine has 550.54" in str(choice.passed[0].obstacles[0])


def test_they_are_in_the_order_that_was_asked_for() -> None:
    def order(*asked: str) -> list[str]:
        locked = _lock("cpu", "cuda-12.8", "cuda-13.4", "cuda-9.1", asked=asked)
        return [build.variant for build in candidates(locked.toolchain[0], LINUX)]

    assert order("cuda", "cpu") == ["cuda-13.4", "cuda-12.8", "cuda-9.1", "cpu"]
    assert order("cuda-12.8", "cuda") == ["cuda-12.8", "cuda-13.4", "cuda-9.1", "cpu"]
    assert order("cpu") == ["cpu", "cuda-12.8", "cuda-13.4", "cuda-9.1"]


def test_what_was_not_named_comes_last_and_is_taken_where_it_is_all_there_is() -> None:
    mac = Machine(system="darwin", macos="15.0")

    assert choose(ALL, "macos-arm64", mac)["llama-cpp"].variant == "metal"


def test_if_none_runs_every_obstacle_is_told_and_what_would_run() -> None:
    old = Machine(glibc="2.31", cpu=frozenset({"avx2", "bmi2", "f16c", "fma"}))
    with pytest.raises(EngineError) as caught:
        choose(ALL, LINUX, old)

    told = str(caught.value)
    assert told.startswith("this machine cannot run any locked build of llama-cpp b11549:\n")
    for variant in ("cpu", "vulkan", "cuda-12.8", "cuda-13.4"):
        assert f"  {variant}  needs glibc" in told
    assert "glibc 2.35 or newer, and this machine has 2.31" in told
    assert '`from = "pypi"` has a build that would run here' in str(caught.value.hint)
    assert '`from = "source"` builds one on this machine' in str(caught.value.hint)


def test_a_missing_library_is_a_thing_to_install() -> None:
    lacking = Machine(glibc="2.40", cpu=frozenset(), loads=lambda name: name != "libgomp.so.1")
    with pytest.raises(
        EngineError, match=r"libgomp.so.1, which this machine lacks \(apt-get install"
    ) as caught:
        choose(_lock("cpu"), LINUX, lacking)

    assert str(caught.value.hint).startswith("do what stands in brackets; or ")


def test_official_builds_of_other_variants_are_alternatives() -> None:
    locked = _lock("cuda-13.4", asked="cuda")
    with pytest.raises(EngineError) as caught:
        choose(locked, LINUX, replace(PLAIN, gpus=lambda: (Gpu(kind="amd", name="x"),)))

    assert '`from = "github"` has builds that would run here: cpu, vulkan' in str(caught.value.hint)


def test_a_platform_that_is_not_locked_is_told_with_those_that_are() -> None:
    with pytest.raises(EaiError, match="for windows-arm64, only for linux-x86_64, macos-arm64"):
        choose(ALL, "windows-arm64", PLAIN)


def test_what_is_insisted_on_is_taken_and_its_obstacles_are_told() -> None:
    choice = choices(ALL, LINUX, PLAIN, insist="vulkan")["llama-cpp"]

    assert choice.taken.build.variant == "vulkan"
    assert "needs a GPU" in str(choice.taken.obstacles[0])
    assert _taken(ALL, PLAIN, "cuda") == "cuda-13.4"
    assert _taken(ALL, PLAIN, "cuda-12.8") == "cuda-12.8"


def test_a_variant_that_no_toolchain_has_cannot_be_insisted_on() -> None:
    with pytest.raises(UsageError, match="no build of variant rocm is locked") as caught:
        choose(ALL, LINUX, PLAIN, insist="rocm")

    assert "cpu, cuda-12.8, cuda-13.4, vulkan" in str(caught.value.hint)


def test_a_toolchain_without_what_is_insisted_on_chooses_for_itself() -> None:
    other = Toolchain(
        name="stable-diffusion-cpp",
        request=ToolchainRequest(version="latest", source="github", variant="cpu"),
        version="master-1-0000000",
        builds=(_build("cpu"),),
    )
    both = replaced(ALL, toolchain=(*ALL.toolchain, other))
    taken = choose(both, LINUX, NVIDIA, insist="vulkan")

    assert {name: build.variant for name, build in taken.items()} == {
        "llama-cpp": "vulkan",
        "stable-diffusion-cpp": "cpu",
    }


def test_for_a_machine_elsewhere_all_are_given_or_what_is_insisted_on() -> None:
    assert {build.variant for build in every(ALL, LINUX)} == {"cpu", "vulkan", "cuda-12.8", "cuda-13.4"}
    assert {build.variant for build in every(ALL, LINUX, insist="cuda")} == {"cuda-12.8", "cuda-13.4"}


def test_variants_are_different_environments() -> None:
    ids = {
        environment_id(ALL, LINUX, choose(ALL, LINUX, PLAIN, insist=variant))
        for variant in ("cpu", "vulkan", "cuda-12.8", "cuda-13.4")
    }

    assert len(ids) == 4


def test_what_is_locked_beside_a_build_decides_too() -> None:
    build = choose(ALL, LINUX, NVIDIA)["llama-cpp"]
    more = replaced(build, beside=(Digest.of_hex("aa" * 32),))

    assert environment_id(ALL, LINUX, {"llama-cpp": build}) != environment_id(ALL, LINUX, {"llama-cpp": more})


def test_an_environment_of_one_variant_has_the_id_that_it_always_had() -> None:
    build = _build("cpu")

    known = "c3cf0eca3590fa09263e8ec184f0ea6fce95d05cce050387b0dbb06d018f622b"
    assert environment_id(lock(), LINUX, {"llama-cpp": build}) == known


@pytest.mark.parametrize(
    ("board", "taken"),
    [
        ("xavier", "cuda-xavier"),
        ("orin", "cuda-orin"),
        ("orin-nano", "cuda-orin-nano"),
        ("thor", "cuda-thor"),
        (None, "cpu"),
    ],
)
def test_a_board_takes_the_build_that_is_for_it(board: str | None, taken: str) -> None:
    recipe = Recipe(folder="llama.cpp", flags=(), targets=("llama-server",))
    request = ToolchainRequest(version="latest", source="github", variant=("cuda", "jetson", "cpu"))
    arm: Platform = "linux-aarch64"
    builds = (
        *(_build(variant, arm) for variant in ("cpu", "cuda-13.4")),
        *(_build(variant, arm, recipe=recipe) for variant in BOARDS),
    )
    toolchain = Toolchain(name="llama-cpp", request=request, version="b11549", builds=builds)
    locked = replaced(lock(), toolchain=(toolchain,))
    machine = replace(PLAIN, board=board, gpus=lambda: (Gpu(kind="nvidia", name="Orin"),) if board else ())

    assert choose(locked, arm, machine)["llama-cpp"].variant == taken
    assert choose(locked, arm, machine, insist="cuda-thor")["llama-cpp"].variant == "cuda-thor"

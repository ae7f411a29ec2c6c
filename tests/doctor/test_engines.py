"""Which build of an engine a machine takes, and what it is told of those that it cannot run."""

from __future__ import annotations

import pytest

from zoo.doctor import engines
from zoo.doctor.engines import Engine
from zoo.doctor.finding import Finding
from zoo.errors import EngineError
from zoo.lock.model import Build, Recipe, Toolchain, ToolchainRequest
from zoo.platform import Platform
from zoo.toolchains.gpus import Gpu
from zoo.toolchains.machine import Machine
from zoo.zoofile.model import Own

AVX2 = frozenset({"avx2", "bmi2", "f16c", "fma"})
LINUX: Platform = "linux-x86_64"
NO_LIBRARY = Machine(glibc="2.36", cpu=AVX2, loads=lambda name: name != "libgomp.so.1")
OLD_DRIVER = Gpu(kind="nvidia", name="NVIDIA GeForce RTX 3090", driver="470.256", compute="8.6")


def _toolchain(
    *variants: str, source: str = "github", platform: Platform = LINUX, version: str = "b11549"
) -> Toolchain:
    return Toolchain(
        name="llama-cpp",
        request=ToolchainRequest(version="latest", source=source, variant=variants),  # type: ignore[arg-type] - of them
        version=version,
        builds=tuple(
            Build(platform=platform, variant=variant, program="llama-server") for variant in variants
        ),
    )


def _asked(source: object, *variants: str) -> ToolchainRequest:
    return ToolchainRequest(version="latest", source=source, variant=variants)  # type: ignore[arg-type] - of them


def _gpu(gpu: Gpu, **more: object) -> Machine:
    given: dict[str, object] = {"glibc": "2.39", "cpu": AVX2, "gpus": lambda: (gpu,), **more}
    return Machine(**given)  # type: ignore[arg-type] - as the class has them


def _found(engine: Engine) -> list[Finding]:
    return list(engines.checks(engine))


def test_a_machine_that_has_all_takes_the_first_build() -> None:
    gpu = Gpu(kind="nvidia", name="NVIDIA L4", driver="580.65", compute="8.9")
    engine = engines.locked(_toolchain("cuda-13.4", "cpu"), LINUX, _gpu(gpu))

    assert engine.taken is not None
    assert (engine.taken.variant, engine.passed, _found(engine)) == ("cuda-13.4", (), [])


def test_a_driver_that_is_too_old_costs_the_better_build_and_is_told() -> None:
    engine = engines.locked(_toolchain("cuda-13.4", "cpu"), LINUX, _gpu(OLD_DRIVER))

    assert engine.taken is not None
    assert engine.taken.variant == "cpu"
    assert [each.build.variant for each in engine.passed] == ["cuda-13.4"]
    (found,) = _found(engine)
    assert found == Finding(
        "warning",
        "llama-cpp b11549 runs as cpu, since cuda-13.4 needs NVIDIA's driver 580 or newer, and this machine "
        "has 470.256",
        "install a newer driver",
    )


def test_a_gpu_that_is_not_there_is_nothing_to_do_about() -> None:
    engine = engines.locked(_toolchain("cuda-13.4", "cpu"), LINUX, Machine(glibc="2.39", cpu=AVX2))
    assert [str(each) for each in engine.passed[0].obstacles] == [
        "needs an NVIDIA GPU, and none is seen on this machine"
    ]
    assert _found(engine) == []


@pytest.mark.parametrize(
    ("machine", "words"),
    [
        (Machine(glibc="2.31", cpu=AVX2), "needs glibc 2.35 or newer, and this machine has 2.31"),
        (Machine(cpu=AVX2), "needs glibc 2.35 or newer, and this machine has no glibc"),
    ],
)
def test_an_old_c_library_or_musl_stops_it_with_what_would_run_instead(machine: Machine, words: str) -> None:
    found = _found(engines.locked(_toolchain("cpu"), LINUX, machine))

    assert [(each.level, each.what) for each in found] == [("error", f"llama-cpp b11549, cpu: {words}")]
    assert found[0].remedy is not None
    assert '`from = "source"` builds one on this machine' in found[0].remedy


def test_a_missing_library_is_told_with_the_command_that_gets_it() -> None:
    (found,) = _found(engines.locked(_toolchain("cpu", source="pypi"), LINUX, NO_LIBRARY))
    assert found.what == "llama-cpp b11549, cpu: needs libgomp.so.1, which this machine lacks"
    assert found.remedy is not None
    assert "apt-get install libgomp1" in found.remedy


def test_a_processor_without_avx2_cannot_run_the_wheel() -> None:
    machine = Machine(glibc="2.36", cpu=frozenset({"sse4_2"}))
    (found,) = _found(engines.locked(_toolchain("cpu", source="pypi"), LINUX, machine))
    assert "avx2" in found.what
    assert found.remedy is not None


def test_a_free_threaded_python_cannot_load_the_wheel() -> None:
    machine = Machine(glibc="2.36", cpu=AVX2, free_threaded=True)
    (found,) = _found(engines.locked(_toolchain("cpu", source="pypi"), LINUX, machine))
    assert "free-threaded" in found.what
    assert found.remedy == "install eai with an ordinary Python"


def test_a_jetson_is_sent_to_the_source_code() -> None:
    gpu = Gpu(kind="nvidia", name="Orin", driver="540.4.0")
    machine = _gpu(gpu, jetson="36.4.0")
    engine = engines.locked(
        _toolchain("cuda-13.4", "cpu", platform="linux-aarch64"), "linux-aarch64", machine
    )
    (found,) = _found(engine)
    assert "no code for the GPU of a Jetson" in found.what
    assert found.remedy == '`variant = "jetson"` builds it on the board'


def test_before_locking_a_board_is_told_which_build_it_would_get() -> None:
    machine = _gpu(Gpu(kind="nvidia", name="Orin"), jetson="36.4.0", board="orin")
    request = ToolchainRequest(version="latest", source="github", variant=("jetson", "cpu"))
    engine = engines.requested("llama-cpp", request, "linux-aarch64", machine)
    assert engine is not None
    assert engine.taken is not None
    assert engine.taken.variant == "cuda-orin"


@pytest.mark.parametrize(
    ("variant", "gpu"),
    [
        ("vulkan", Gpu(kind="amd", name="Radeon", memory=8 << 30)),
        ("vulkan", Gpu(kind="intel", name="Arc")),
        ("rocm-10.0", Gpu(kind="amd", name="Radeon", memory=8 << 30)),
        ("sycl-fp16", Gpu(kind="intel", name="Arc")),
    ],
)
def test_amd_and_intel_take_their_own_builds(variant: str, gpu: Gpu) -> None:
    engine = engines.locked(_toolchain(variant, "cpu"), LINUX, _gpu(gpu, rocm="10.0"))
    assert engine.taken is not None
    assert engine.taken.variant == variant


def test_a_mac_takes_metal_and_an_old_one_nothing() -> None:
    toolchain = _toolchain("metal", platform="macos-arm64")
    new = engines.locked(toolchain, "macos-arm64", Machine(system="darwin", macos="15.1"))
    old = engines.locked(toolchain, "macos-arm64", Machine(system="darwin", macos="12.6"))

    assert new.taken is not None
    (found,) = _found(old)
    assert "needs macOS 13.3 or newer, and this machine has 12.6" in found.what


def test_a_lock_without_this_platform_says_so() -> None:
    (found,) = _found(engines.locked(_toolchain("cpu", platform="macos-arm64"), LINUX, Machine()))
    assert (found.level, found.what) == (
        "error",
        "the lock has no build of llama-cpp for linux-x86_64, only for macos-arm64",
    )


def test_before_anything_is_locked_the_usual_wheel_is_judged() -> None:
    engine = engines.requested("llama-cpp", _asked("pypi", "cpu"), LINUX, NO_LIBRARY)
    assert engine is not None
    assert not engine.locked
    (found,) = _found(engine)
    assert found.what == "llama-cpp latest, cpu: needs libgomp.so.1, which this machine lacks"


def test_what_the_zoofile_asks_for_is_judged_before_it_is_locked() -> None:
    engine = engines.requested("llama-cpp", _asked("github", "cuda", "cpu"), LINUX, _gpu(OLD_DRIVER))
    assert engine is not None
    assert engine.taken is not None
    assert engine.taken.variant == "cpu"


@pytest.mark.parametrize("source", ["source", Own(path="bin/llama-server")])
def test_what_only_locking_can_tell_is_not_guessed(source: object) -> None:
    assert engines.requested("llama-cpp", _asked(source, "cpu"), LINUX, Machine()) is None


def test_the_known_faults_of_an_old_build_are_told_with_the_command_that_ends_them() -> None:
    found = list(engines.faults(_toolchain("cpu", version="b8000")))
    assert {each.level for each in found} == {"warning"}
    assert {each.remedy for each in found} == {"`eai lock --upgrade-toolchain llama-cpp` pins a newer build"}
    assert any("CVE-2026-27940, which b8146 has not" in each.what for each in found)
    assert list(engines.faults(_toolchain("cpu"))) == []


def _source() -> Engine:
    recipe = Recipe(folder="", flags=("GGML_CUDA=ON",), targets=("llama-server",))
    build = Build(platform=LINUX, variant="cuda", program="llama-server", recipe=recipe)
    toolchain = _toolchain(source="source")
    return Engine(toolchain=toolchain, judged=(engines.Judged(build=build, obstacles=()),))


def test_missing_build_tools_are_told_unless_it_is_built_already() -> None:
    def missing(recipe: Recipe) -> object:
        raise EngineError(f"no nvcc for {recipe.flags[0]}", hint="install CUDA")

    assert list(engines.tools(_source(), missing, built=False)) == [
        Finding("error", "llama-cpp b11549: no nvcc for GGML_CUDA=ON", "install CUDA")
    ]
    assert list(engines.tools(_source(), missing, built=True)) == []
    assert list(engines.tools(_source(), lambda _: None, built=False)) == []
    wheel = engines.locked(_toolchain("cpu"), LINUX, Machine(glibc="2.36"))
    assert list(engines.tools(wheel, missing, built=False)) == []


def test_a_configuration_of_the_machine_matters_to_native_engines_only() -> None:
    native = engines.locked(_toolchain("cpu"), LINUX, Machine(glibc="2.36"))
    wheel = engines.locked(_toolchain("cpu", source="pypi"), LINUX, Machine(glibc="2.36", cpu=AVX2))

    (found,) = engines.settings((native, wheel), "/etc/x", there=True)
    assert found.level == "error"
    assert list(engines.settings((native, wheel), "/etc/x", there=False)) == []
    assert list(engines.settings((wheel,), "/etc/x", there=True)) == []

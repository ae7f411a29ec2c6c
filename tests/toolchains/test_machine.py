"""What is found out about a machine, from files and programs that say it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from zoo.toolchains.gpus import Gpu
from zoo.toolchains.machine import Eyes, features, look

_DRIVER = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release Build  (dvs-builder)\n"


def _machine_with(root: Path, files: Mapping[str, str], smi: str | None = None, **eyes: object) -> Eyes:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def run(command: Sequence[str]) -> str | None:
        assert command[0] == "nvidia-smi"
        return smi

    given: dict[str, object] = {"root": root, "run": run, "system": "linux", "arch": "x86_64", **eyes}
    return Eyes(**given)  # type: ignore[arg-type] - as the class has them


def _card(number: int, vendor: str, **more: str) -> dict[str, str]:
    folder = f"sys/class/drm/card{number}/device"
    return {f"{folder}/vendor": f"{vendor}\n", **{f"{folder}/{name}": text for name, text in more.items()}}


def test_this_machine_is_looked_at() -> None:
    this = look()

    assert not this.loads("libnone.so.42")
    assert this.memory is None or this.memory > 1 << 20
    assert isinstance(this.gpus(), tuple)


def test_nothing_is_made_up_of_an_empty_machine(tmp_path: Path) -> None:
    def refuses(name: str) -> int:
        raise ValueError(name)

    seen = look(_machine_with(tmp_path, {}, macos=lambda: "", confstr=refuses, sysconf=refuses))

    assert (seen.glibc, seen.macos, seen.cpu, seen.memory, seen.jetson, seen.rocm) == (None,) * 6
    assert seen.gpus() == ()


def test_the_c_library_and_the_memory_are_asked_of_the_system(tmp_path: Path) -> None:
    eyes = _machine_with(
        tmp_path, {}, confstr=lambda _: "glibc 2.36", sysconf={"SC_PHYS_PAGES": 10, "SC_PAGE_SIZE": 4096}.get
    )

    assert (look(eyes).glibc, look(eyes).memory) == ("2.36", 40960)


@pytest.mark.parametrize("word", ["flags\t", "Features"])
def test_the_features_are_read_as_linux_spells_them(tmp_path: Path, word: str) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(f"processor\t: 0\n{word}\t: fpu avx2 fma\n\nprocessor\t: 1\n{word}\t: fpu\n")

    assert features(cpuinfo) == {"fpu", "avx2", "fma"}
    assert features(tmp_path / "none") is None


def test_nvidias_program_tells_all_of_its_gpus(tmp_path: Path) -> None:
    smi = "NVIDIA L4, 23034, 580.65.06, 8.9\nNVIDIA H200, [N/A], 580.65.06, [N/A]\nnonsense\n"
    seen = look(_machine_with(tmp_path, _card(0, "0x10de"), smi)).gpus()

    assert seen == (
        Gpu(kind="nvidia", name="NVIDIA L4", memory=23034 << 20, driver="580.65.06", compute="8.9"),
        Gpu(kind="nvidia", name="NVIDIA H200", driver="580.65.06"),
    )


def test_without_that_program_the_driver_tells_what_it_can(tmp_path: Path) -> None:
    files = {
        "proc/driver/nvidia/version": _DRIVER,
        "proc/driver/nvidia/gpus/0000:01:00.0/information": "Model: \t\t NVIDIA GeForce GTX 1080\nIRQ: 1\n",
    }
    (seen,) = look(_machine_with(tmp_path, files)).gpus()

    assert (seen.name, seen.driver, seen.compute) == ("NVIDIA GeForce GTX 1080", "580.65.06", None)


@pytest.mark.parametrize(
    "line",
    [
        _DRIVER,
        "NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.65.06  Sun Jul 27 06:54:38 UTC 2025\n",
        "NVRM version: NVIDIA UNIX aarch64 Kernel Module  580.65.06\nGCC version:  gcc 13.3.0\n",
    ],
)
def test_the_version_of_the_kernel_module_is_read_in_all_its_forms(tmp_path: Path, line: str) -> None:
    files = {"proc/driver/nvidia/version": line, **_card(0, "0x10de")}
    (seen,) = look(_machine_with(tmp_path, files)).gpus()

    assert seen.driver == "580.65.06"


def test_the_kernel_tells_of_amd_and_intel(tmp_path: Path) -> None:
    files = {
        **_card(0, "0x8086"),
        **_card(1, "0x1002", mem_info_vram_total="17163091968\n", product_name="Radeon RX 7900 XT\n"),
        **_card(2, "0x1a03"),  # a server's own little graphics chip
        "sys/class/drm/card1-HDMI-A-1/device/vendor": "0x1002",
        "opt/rocm/.info/version": "7.2.1-43\n",
    }
    seen = look(_machine_with(tmp_path, files))

    assert seen.rocm == "7.2.1"
    assert seen.gpus() == (
        Gpu(kind="intel", name="Intel GPU"),
        Gpu(kind="amd", name="Radeon RX 7900 XT", memory=17163091968),
    )


def test_a_jetson_is_known_by_its_release(tmp_path: Path) -> None:
    files = {
        "etc/nv_tegra_release": "# R36 (release), REVISION: 4.0, GCID: 37537400\n",
        "proc/device-tree/model": "NVIDIA Jetson Orin Nano Developer Kit\0",
    }
    seen = look(_machine_with(tmp_path, files, arch="aarch64"))

    assert seen.jetson == "36.4.0"
    assert [gpu.name for gpu in seen.gpus()] == ["NVIDIA Jetson Orin Nano Developer Kit"]


@pytest.mark.parametrize(
    ("compatible", "gib", "board"),
    [
        ("nvidia,p2972-0000\0nvidia,tegra194\0", 32, "xavier"),
        ("nvidia,p3737-0000+p3701-0005\0nvidia,p3701-0005\0nvidia,tegra234\0", 64, "orin"),
        ("nvidia,p3768-0000+p3767-0005-super\0nvidia,tegra234\0", 8, "orin-nano"),
        ("nvidia,p4071-0000+p3834-0008\0nvidia,p3834-0008\0nvidia,tegra264\0", 128, "thor"),
        ("nvidia,jetson-nano\0nvidia,tegra210\0", 4, None),
        ("raspberrypi,5-model-b\0brcm,bcm2712\0", 8, None),
    ],
)
def test_a_board_is_known_by_its_chip_and_its_memory(
    tmp_path: Path, compatible: str, gib: int, board: str | None
) -> None:
    pages = {"SC_PHYS_PAGES": int(gib * 0.95 * (1 << 18)), "SC_PAGE_SIZE": 4096}  # firmware keeps some
    files = {"proc/device-tree/compatible": compatible}

    assert look(_machine_with(tmp_path, files, arch="aarch64", sysconf=pages.get)).board == board


def test_apple_builds_its_gpu_in(tmp_path: Path) -> None:
    def seen(arch: str) -> tuple[Gpu, ...]:
        return look(_machine_with(tmp_path, {}, system="darwin", arch=arch, macos=lambda: "15.1")).gpus()

    assert [gpu.kind for gpu in seen("arm64")] == ["apple"]
    assert seen("x86_64") == ()


def test_a_gpu_is_only_looked_for_when_somebody_asks_and_then_once(tmp_path: Path) -> None:
    ran: list[Sequence[str]] = []

    def run(command: Sequence[str]) -> str | None:
        ran.append(command)
        return None

    seen = look(_machine_with(tmp_path, {}, run=run))
    assert ran == []
    assert seen.gpus() == seen.gpus() == ()
    assert len(ran) == 1

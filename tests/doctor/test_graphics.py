"""Graphics as machines of each kind show them in /sys, /proc and /dev."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from zoo.doctor import graphics
from zoo.doctor.finding import Finding
from zoo.doctor.graphics import Graphics, Node
from zoo.toolchains.gpus import Gpu
from zoo.toolchains.machine import Eyes, Machine, look

_DRIVER = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.183.01  Sun May 12 19:39:15 UTC 2024\n"
_RENDER = Node(path="/dev/dri/renderD128", group="render", usable=True)
_NVIDIA = Node(path="/dev/nvidia0", group="root", usable=True)


def _card(vendor: str, address: str = "0000:01:00.0", kind: str = "0x030000") -> dict[str, str]:
    folder = f"sys/bus/pci/devices/{address}"
    return {f"{folder}/vendor": f"{vendor}\n", f"{folder}/class": f"{kind}\n"}


def _seen(root: Path, files: Mapping[str, str], smi: str | None = None, **eyes: object) -> Graphics:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    given: dict[str, object] = {"system": "linux", "arch": "x86_64", **eyes}
    machine = look(Eyes(root=root, run=lambda _: smi, **given))  # type: ignore[arg-type] - as the class has them
    return graphics.look(root, machine)


def _found(seen: Graphics) -> list[Finding]:
    return list(graphics.checks(seen))


def test_a_desktop_with_nvidias_driver_is_well(tmp_path: Path) -> None:
    files = {
        **_card("0x10de"),
        "sys/module/nvidia/version": "580.65.06",
        "proc/driver/nvidia/version": _DRIVER,
        "dev/nvidia0": "",
        "dev/nvidiactl": "",
    }
    seen = _seen(tmp_path, files, "NVIDIA GeForce RTX 4090, 24564, 580.65.06, 8.9\n")

    assert [gpu.name for gpu in seen.gpus] == ["NVIDIA GeForce RTX 4090"]
    assert seen.cards == {"nvidia"}
    assert [node.path for node in seen.nodes] == ["/dev/nvidia0", "/dev/nvidiactl"]
    assert _found(seen) == []


def test_nouveau_is_told_from_nvidias_own_driver(tmp_path: Path) -> None:
    files = {
        **_card("0x10de"),
        "sys/class/drm/card0/device/vendor": "0x10de\n",
        "sys/module/nouveau/refcnt": "1",
        "dev/dri/renderD128": "",
    }
    (found,) = _found(_seen(tmp_path, files))

    assert found.level == "warning"
    assert "driven by nouveau" in found.what
    assert found.remedy is not None
    assert "ubuntu-drivers install" in found.remedy


def test_a_gpu_without_any_driver_is_seen_on_the_bus(tmp_path: Path) -> None:
    (found,) = _found(_seen(tmp_path, _card("0x10de", kind="0x030200")))

    assert found.what == "there is an NVIDIA GPU, and its driver is not loaded here"
    assert found.remedy is not None
    assert "--gpus all" in found.remedy


def test_a_container_that_was_given_no_gpu_is_told_how_to_get_it(tmp_path: Path) -> None:
    files = {
        **_card("0x10de"),
        "sys/module/nvidia/version": "535.183.01",
        "sys/class/drm/card0/device/vendor": "0x10de\n",
        "proc/driver/nvidia/version": _DRIVER,
    }
    (found,) = _found(_seen(tmp_path, files))

    assert "no /dev/nvidia0" in found.what


def test_the_windows_subsystem_has_a_gpu_and_no_device_of_nvidias(tmp_path: Path) -> None:
    seen = _seen(tmp_path, {"dev/dxg": ""}, "NVIDIA GeForce RTX 3060, 12288, 560.94, 8.6\n")

    assert [gpu.driver for gpu in seen.gpus] == ["560.94"]
    assert _found(seen) == []


@pytest.mark.parametrize(("vendor", "module"), [("0x1002", "amdgpu"), ("0x8086", "xe")])
def test_amd_and_intel_need_the_render_group(tmp_path: Path, vendor: str, module: str) -> None:
    files = {
        **_card(vendor),
        "sys/class/drm/card0/device/vendor": f"{vendor}\n",
        f"sys/module/{module}/refcnt": "1",
        "dev/dri/renderD128": "",
    }
    seen = _seen(tmp_path, files)
    assert seen.modules == {module}
    assert _found(seen) == []

    closed = Node(path="/dev/dri/renderD128", group="render", usable=False)
    (found,) = graphics.checks(Graphics(gpus=seen.gpus, cards=seen.cards, nodes=(closed,)))
    assert found == Finding(
        "warning",
        "this user may not use /dev/dri/renderD128: only group render may",
        "`sudo usermod -aG render $USER`, then log in anew",
    )


def test_several_devices_of_one_group_are_said_once() -> None:
    nodes = (
        Node(path="/dev/dri/renderD128", group="render", usable=False),
        Node(path="/dev/kfd", group="render", usable=False),
        Node(path="/dev/nvmap", group="video", usable=False),
    )
    found = list(graphics.checks(Graphics(nodes=nodes)))

    assert [each.what for each in found] == [
        "this user may not use /dev/dri/renderD128, /dev/kfd: only group render may",
        "this user may not use /dev/nvmap: only group video may",
    ]


def test_a_device_of_an_unknown_group_is_for_the_container_to_open() -> None:
    (found,) = graphics.checks(Graphics(nodes=(Node(path="/dev/kfd", group="", usable=False),)))
    assert found.remedy is not None
    assert "container" in found.remedy


def test_a_device_that_is_closed_is_seen_as_such(tmp_path: Path) -> None:
    seen = _seen(tmp_path, {"dev/kfd": ""})
    (node,) = seen.nodes
    assert (node.path, node.usable) == ("/dev/kfd", True)
    assert node.group == (tmp_path / "dev/kfd").group()

    (tmp_path / "dev/kfd").chmod(0)
    (again,) = graphics.look(tmp_path, Machine()).nodes
    assert again.usable is (os.geteuid() == 0)


def test_a_jetson_shares_its_memory_and_needs_no_bus(tmp_path: Path) -> None:
    files = {
        "etc/nv_tegra_release": "# R36 (release), REVISION: 4.0, GCID: 37537400, BOARD: generic\n",
        "proc/device-tree/model": "NVIDIA Jetson Orin Nano Developer Kit\0",
        "dev/nvmap": "",
        "dev/nvhost-ctrl-gpu": "",
    }
    seen = _seen(tmp_path, files, arch="aarch64")

    assert [gpu.name for gpu in seen.gpus] == ["NVIDIA Jetson Orin Nano Developer Kit"]
    assert seen.jetson
    assert _found(seen) == []


def test_a_mac_needs_nothing(tmp_path: Path) -> None:
    seen = _seen(tmp_path, {}, system="darwin", arch="arm64")
    assert seen.gpus == (Gpu(kind="apple", name="Apple GPU"),)
    assert _found(seen) == []


def test_a_machine_without_graphics_has_nothing_wrong(tmp_path: Path) -> None:
    assert _found(_seen(tmp_path, {})) == []
    assert _found(Graphics(nodes=(_RENDER, _NVIDIA))) == []

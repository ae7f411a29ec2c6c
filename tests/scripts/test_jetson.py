"""scripts/jetson.sh on stand-ins for its boards: it sees that it is on one, and has eai build for that."""

from __future__ import annotations

import pytest
from support.stand_in import Machine

# Chips as the device tree names them.
BOARDS = [
    "nvidia,p2972-0000\0nvidia,tegra194\0",
    "nvidia,p3737-0000+p3701-0005\0nvidia,p3701-0005\0nvidia,tegra234\0",
    "nvidia,p4071-0000+p3834-0008\0nvidia,p3834-0008\0nvidia,tegra264\0",
]


def board(machine: Machine, compatible: str) -> Machine:
    """Let a machine be a board with everything that JetPack and its user have installed."""
    tree = machine.folder / "device-tree"
    tree.mkdir()
    (tree / "compatible").write_text(compatible)
    machine.env |= {"DEVICE_TREE": str(tree), "CUDA_HOME": "/none"}
    machine.has("uname", "echo aarch64")
    machine.has("nvcc")
    machine.has("dpkg-query", "echo install ok installed")
    machine.has("python3.11")
    return machine


@pytest.mark.parametrize("compatible", BOARDS)
def test_every_board_is_known(machine: Machine, compatible: str) -> None:
    done = board(machine, compatible).run("jetson.sh", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "building llama.cpp for this board." in done.stderr
    assert "would run as root" not in done.stderr  # all is there


def test_the_engine_is_locked_and_built_and_its_lines_are_told(machine: Machine) -> None:
    board(machine, BOARDS[1])
    (machine.folder / ".venv" / "bin").mkdir(parents=True)
    programs = machine.folder / ".venv" / "bin"
    asked = machine.folder / "asked"
    for name, body in {
        "python": "exit 0",
        # Stands for eai: notes what it is asked for, and locks.
        "eai": f'echo "$@" >>{asked}\ncat "$3"/zoofile.toml >>{asked} 2>/dev/null\n'
        f'[ "$1" != lock ] || echo \'version = "b11549"\' >"$3"/zoo.lock',
    }.items():
        (programs / name).write_text(f"#!/bin/sh\n{body}\n")
        (programs / name).chmod(0o755)
    done = machine.run("jetson.sh")
    assert done.returncode == 0, done.stderr
    said = asked.read_text()
    assert 'from = "source"\nvariant = "jetson"' in said
    assert "\ntoolchain build --project " in said
    told = '[toolchain.llama-cpp]\nversion = "b11549"\nfrom = "source"\nvariant = "jetson"\n'
    assert told in done.stderr


def test_a_board_without_cuda_is_told_how_to_get_it(machine: Machine) -> None:
    board(machine, BOARDS[1])
    (machine.folder / "bin" / "nvcc").unlink()
    done = machine.run("jetson.sh")
    assert done.returncode == 1
    assert "nvcc, is not installed\nhint: sudo apt-get install nvidia-jetpack" in done.stderr


def test_another_aarch64_machine_is_sent_to_the_other_script(machine: Machine) -> None:
    done = board(machine, "raspberrypi,5-model-b\0brcm,bcm2712\0").run("jetson.sh")
    assert done.returncode == 1
    assert "names no Xavier, Orin or Thor\nhint: scripts/ubuntu.sh" in done.stderr


def test_another_machine_is_none(machine: Machine) -> None:
    machine.has("uname", "echo x86_64")
    done = machine.run("jetson.sh")
    assert (done.returncode, done.stderr.splitlines()[0]) == (
        1,
        "error: this is no Jetson: its machine is x86_64",
    )

"""What graphics processors say of their memory, as it was recorded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from zoo.serve.gpus import Gpus, amd, look, nvidia, nvidia_processes, taken

MIB = 2**20


def silent(_: Sequence[str]) -> str:
    return ""


@pytest.mark.parametrize(
    ("said", "means"),
    [
        ("143771, 143094\n", Gpus(143771 * MIB, 143094 * MIB)),
        ("24564, 23900\n24564, 100\n", Gpus(49128 * MIB, 24000 * MIB)),
        ("[N/A], [N/A]\n", Gpus(unified=True)),  # as on a Jetson or a DGX Spark
        ("[Not Supported], [Not Supported]\n", None),
        ("No devices were found\n", None),
        ("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.\n", None),
        ("", None),
    ],
)
def test_what_nvidia_smi_says_is_read(said: str, means: Gpus | None) -> None:
    assert nvidia(said) == means


def test_a_process_on_two_cards_takes_from_both() -> None:
    assert nvidia_processes("812, 5120\n812, 100\n901, 64\n77, [N/A]\n") == {812: 5220 * MIB, 901: 64 * MIB}


def card(root: Path, number: int, total: int, used: int) -> None:
    folder = root / f"sys/class/drm/card{number}/device"
    folder.mkdir(parents=True)
    (folder / "mem_info_vram_total").write_text(f"{total}\n")
    (folder / "mem_info_vram_used").write_text(f"{used}\n")


def test_the_cards_of_amd_count_and_graphics_inside_a_processor_do_not(tmp_path: Path) -> None:
    card(tmp_path, 0, 512 * MIB, 100 * MIB)
    assert amd(tmp_path) == Gpus(unified=True)
    card(tmp_path, 1, 25753026560, 27734016)
    assert amd(tmp_path) == Gpus(25753026560, 25753026560 - 27734016)
    assert look(tmp_path, silent, "linux") == amd(tmp_path)


def test_a_jetson_shares_its_memory_whatever_nvidia_smi_says(tmp_path: Path) -> None:
    (tmp_path / "proc/device-tree").mkdir(parents=True)
    (tmp_path / "proc/device-tree/compatible").write_bytes(
        b"nvidia,p3768-0000+p3767-0005\0nvidia,p3767-0005\0nvidia,tegra234\0"
    )
    assert look(tmp_path, lambda _: "1, 1\n", "linux") == Gpus(unified=True)


def test_apple_shares_its_memory_and_a_machine_without_any_has_none(tmp_path: Path) -> None:
    assert look(tmp_path, silent, "darwin") == Gpus(unified=True)
    assert look(tmp_path, silent, "linux") is None


def test_what_a_process_takes_is_read_from_the_kernel_where_no_program_knows(tmp_path: Path) -> None:
    folder = tmp_path / "proc/812/fdinfo"
    folder.mkdir(parents=True)
    client = (
        "pos:\t0\ndrm-driver:\tamdgpu\ndrm-client-id:\t{}\ndrm-memory-vram:\t{} KiB\ndrm-memory-gtt:\t9 KiB\n"
    )
    (folder / "5").write_text(client.format(31, 4096))
    (folder / "6").write_text(client.format(31, 4096))  # the same client by another descriptor
    (folder / "7").write_text(client.format(32, 1024))
    (folder / "0").write_text("pos:\t0\nflags:\t0100002\n")
    assert taken((812, 813), tmp_path, silent) == 5 * MIB
    assert taken((812, 813), tmp_path, lambda _: "813, 7\n") == 7 * MIB
    assert taken((1,), tmp_path, silent) == 0

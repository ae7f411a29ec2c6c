"""What is wrong with a machine itself: its platform, clock and memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from zoo.doctor import host
from zoo.doctor.host import Host, checks, limit, wsl
from zoo.toolchains.machine import Eyes, Machine

HOST = Host(
    platform="linux-x86_64",
    system="Debian",
    arch="x86_64",
    python="3.12.1",
    machine=Machine(),
    cores=4,
    now=1_700_000_000,
    installed=1_690_000_000,
)


def _but(**changes: object) -> Host:
    from dataclasses import replace  # noqa: PLC0415 - for this alone

    return replace(HOST, **changes)  # type: ignore[arg-type] - as the class has them


def test_nothing_is_wrong_with_a_plain_machine() -> None:
    assert list(checks(HOST)) == []


def test_a_platform_without_engines_stops_everything() -> None:
    (found,) = checks(_but(platform=None, arch="riscv64"))
    assert (found.level, found.what) == ("error", "no engine is built for linux on riscv64")


def test_the_first_windows_subsystem_is_told_from_the_second() -> None:
    assert wsl("Linux version 4.4.0-19041-Microsoft (Microsoft@Microsoft.com)") == 1
    assert wsl("Linux version 5.15.153.1-microsoft-standard-WSL2 (root@941d701f84f1)") == 2
    assert wsl("Linux version 6.1.0-18-amd64 (debian-kernel@lists.debian.org)") is None
    (found,) = checks(_but(wsl=1))
    assert found.level == "warning"
    assert found.remedy is not None
    assert "--set-version" in found.remedy


def test_a_wrong_clock_is_noticed_before_certificates_fail() -> None:
    (found,) = checks(_but(now=0.0))
    assert "the clock is wrong" in found.what


def test_a_small_control_group_is_told() -> None:
    (found,) = checks(_but(limit=256 << 20))
    assert "256 MiB" in found.what


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("sys/fs/cgroup/memory.max", "4294967296\n", 4 << 30),
        ("sys/fs/cgroup/memory.max", "max\n", None),
        ("sys/fs/cgroup/memory/memory.limit_in_bytes", "2147483648\n", 2 << 30),
        ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n", None),
    ],
)
def test_the_limit_is_read_in_both_versions(
    tmp_path: Path, name: str, text: str, expected: int | None
) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True)
    path.write_text(text)
    assert limit(tmp_path) == expected


def test_a_machine_is_looked_at(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/os-release").write_text('NAME="Ubuntu"\nPRETTY_NAME="Ubuntu 24.04.1 LTS"\n')
    eyes = Eyes(root=tmp_path, system="linux", arch="aarch64")

    seen = host.look(eyes, Machine(), now=1.0)

    assert (seen.platform, seen.system, seen.now) == ("linux-aarch64", "Ubuntu 24.04.1 LTS", 1.0)
    assert seen.cores >= 1
    assert seen.limit is None
    assert seen.available is not None


def test_a_mac_is_named_by_its_version(tmp_path: Path) -> None:
    eyes = Eyes(root=tmp_path, system="darwin", arch="arm64")
    seen = host.look(eyes, Machine(system="darwin", macos="15.1"), now=1.0)
    assert (seen.platform, seen.system) == ("macos-arm64", "macOS 15.1")


def test_an_unknown_machine_has_no_platform(tmp_path: Path) -> None:
    assert host.look(Eyes(root=tmp_path, system="plan9", arch="mips"), Machine(), now=1.0).platform is None

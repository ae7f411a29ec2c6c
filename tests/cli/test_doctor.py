"""`eai doctor` as a person runs it, and what it says of machines that are not this one."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

import pytest
from support.locked import lock, model
from support.shop import Shop

from zoo.cli import doctor_report
from zoo.digest import Digest
from zoo.doctor.examine import Patient, Report, examine
from zoo.doctor.finding import stops
from zoo.lock.model import File
from zoo.lock.render import render
from zoo.toolchains.machine import Eyes

AVX2 = "processor\t: 0\nflags\t\t: fpu sse4_2 avx2 bmi2 f16c fma\n"
WSL2 = "Linux version 5.15.153.1-microsoft-standard-WSL2 (root@1) #1 SMP\n"
UBUNTU = 'PRETTY_NAME="Ubuntu 24.04.1 LTS"\n'
NVIDIA = {
    "sys/bus/pci/devices/0000:01:00.0/vendor": "0x10de\n",
    "sys/bus/pci/devices/0000:01:00.0/class": "0x030000\n",
    "sys/module/nvidia/version": "x",
    "dev/nvidia0": "",
}


def _files(root: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def _no_glibc(name: str) -> str | None:
    raise ValueError(name)


@pytest.fixture
def seen(tmp_path: Path) -> Callable[..., Report]:
    """Examine a machine with these files and this nvidia-smi."""

    def see(
        files: Mapping[str, str],
        *,
        smi: str | None = None,
        glibc: str | None = "2.39",
        env: Mapping[str, str] | None = None,
        **eyes: object,
    ) -> Report:
        root = _files(tmp_path / "root", files)
        given: dict[str, object] = {
            "system": "linux",
            "arch": "x86_64",
            "run": lambda _: smi,
            "loads": lambda _: True,
            "confstr": (lambda _: f"glibc {glibc}") if glibc else _no_glibc,
            "sysconf": {"SC_PHYS_PAGES": 1 << 22, "SC_PAGE_SIZE": 1 << 12}.get,
            "macos": lambda: "",
            **eyes,
        }
        return examine(
            Patient(
                data=tmp_path / "home",
                eyes=Eyes(root=root, **given),  # type: ignore[arg-type] - as the class has them
                env={"EAI_CONFIG": str(tmp_path / "config.toml"), **(env or {})},
                now=4e9,
            )
        )

    return see


def _text(report: Report) -> str:
    return "\n".join(doctor_report.lines(report))


def test_a_desktop_with_an_nvidia_gpu(seen: Callable[..., Report]) -> None:
    report = seen(
        {**NVIDIA, "etc/os-release": UBUNTU, "proc/cpuinfo": AVX2},
        smi="NVIDIA GeForce RTX 4090, 24564, 580.65.06, 8.9\n",
    )
    said = _text(report)
    assert "  platform     linux-x86_64, Ubuntu 24.04.1 LTS\n" in said
    assert "  memory       16.0 GiB, " in said
    assert (
        "  GPU          NVIDIA GeForce RTX 4090, 24.0 GiB, driver 580.65.06, compute capability 8.9\n" in said
    )
    assert said.endswith("nothing stops `eai up`")


def test_the_windows_subsystem(seen: Callable[..., Report]) -> None:
    report = seen({"proc/version": WSL2, "proc/cpuinfo": AVX2}, smi="NVIDIA L4, 23034, 560.94, 8.9\n")
    assert "in version 2 of Windows' Subsystem for Linux" in _text(report)
    assert not stops(report.findings)


def test_musl(seen: Callable[..., Report]) -> None:
    report = seen({"proc/cpuinfo": AVX2}, glibc=None)
    said = _text(report)
    assert "  C library    not glibc (musl?)\n" in said
    assert "this machine can run no build" in said
    assert "needs glibc 2.17 or newer, and this machine has no glibc" in said
    assert '`from = "source"` builds one on this machine' in said
    assert stops(report.findings)


def test_an_old_processor(seen: Callable[..., Report]) -> None:
    said = _text(seen({"proc/cpuinfo": "flags : fpu sse4_2\n"}))
    assert "needs a processor with avx2, bmi2, f16c, fma, and this machine's has none" in said
    assert '`from = "github"` has builds that would run here' in said


def test_a_mac(seen: Callable[..., Report]) -> None:
    report = seen({}, glibc=None, system="darwin", arch="arm64", macos=lambda: "15.1")
    said = _text(report)
    assert "  platform     macos-arm64, macOS 15.1\n" in said
    assert "  GPU          Apple GPU\n" in said
    assert "would take metal" in said
    assert "C library" not in said


def test_a_jetson_board(seen: Callable[..., Report]) -> None:
    files = {
        "etc/nv_tegra_release": "# R36 (release), REVISION: 4.0, GCID: 37537400\n",
        "proc/device-tree/model": "NVIDIA Jetson Orin Nano Developer Kit\0",
    }
    report = seen(files, glibc="2.35", arch="aarch64")
    said = _text(report)
    assert "  Jetson       NVIDIA's Linux 36.4.0\n" in said
    assert "  GPU          NVIDIA Jetson Orin Nano Developer Kit\n" in said


@pytest.mark.parametrize(("vendor", "name"), [("0x1002", "AMD GPU"), ("0x8086", "Intel GPU")])
def test_an_amd_or_intel_gpu(seen: Callable[..., Report], vendor: str, name: str) -> None:
    files = {"sys/class/drm/card0/device/vendor": vendor, "proc/cpuinfo": AVX2}
    assert f"  GPU          {name}\n" in _text(seen(files))


def test_a_machine_that_no_engine_is_built_for(seen: Callable[..., Report]) -> None:
    report = seen({}, arch="riscv64")
    assert report.engines == ()
    assert "platform     unknown" in _text(report)
    assert stops(report.findings)


def test_a_broken_configuration(seen: Callable[..., Report], tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[fetch]\npears = []\n")
    report = seen({"proc/cpuinfo": AVX2})
    (found,) = (each for each in report.findings if each.level == "error")
    assert "pears" in found.what


def test_a_token_is_seen_and_never_shown(seen: Callable[..., Report]) -> None:
    report = seen({"proc/cpuinfo": AVX2}, env={"HF_TOKEN": "hf_secret"})
    assert "HF_TOKEN     set; the Hub was not asked whether it is valid" in _text(report)
    assert "hf_secret" not in _text(report) + json.dumps(doctor_report.plain(report))


def test_a_store_of_a_newer_eai(seen: Callable[..., Report], tmp_path: Path) -> None:
    _files(tmp_path / "home/store", {"version": "99\n"})
    assert "has layout '99'" in _text(seen({"proc/cpuinfo": AVX2}))


def test_findings_stand_worst_first_with_their_remedies(seen: Callable[..., Report]) -> None:
    lines = _text(seen({**NVIDIA, "proc/cpuinfo": "flags : fpu\n"})).splitlines()
    levels = [line.partition(":")[0] for line in lines if line.startswith(("error:", "warning:", "note:"))]
    assert levels == sorted(levels, key=["error", "warning", "note"].index)
    assert {"error", "warning"} <= set(levels)
    assert lines[-1] == "1 thing stops `eai up`"


def test_without_a_project_it_works_too_and_programs_can_read_it(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "empty", tmp_path / "home")
    shop.folder.mkdir()
    done = shop.eai("doctor", "--json")
    said = json.loads(done.stdout)

    assert done.returncode == (0 if said["ok"] else 1), done.stderr
    assert (said["project"], said["store"]["folder"]) == (None, str(tmp_path / "home" / "store"))
    assert said["machine"]["platform"] is not None
    assert not (tmp_path / "home").exists()
    assert shop.eai("doctor", "--project", "none").returncode == 1


def test_a_project_that_can_be_served_is_and_one_whose_port_is_taken_is_not(shop: Shop) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        zoofile = shop.folder / "zoofile.toml"
        zoofile.write_text(f"{zoofile.read_text()}\n[server]\nport = {port}\n")
        stale = shop.eai("doctor")
        assert stale.returncode == 1
        assert "error: zoo.lock is out of date: server: setting changed: port" in stale.stdout
        assert shop.eai("lock").returncode == 0

        busy = shop.eai("doctor")
        assert busy.returncode == 1
        assert f"error: port {port} of 127.0.0.1 is taken by" in busy.stdout
    assert shop.eai("fetch").returncode == 0
    free = shop.eai("doctor")
    assert free.returncode == 0, free.stdout
    assert "  zoo.lock     2 models, 1 toolchain\n" in free.stdout
    assert "  in the store all of it\n" in free.stdout

    shop.up()
    served = shop.eai("doctor")
    assert served.returncode == 0, served.stdout
    assert "  served       http://127.0.0.1:" in served.stdout


def test_what_is_to_come_is_told_and_what_is_too_large_stops_it(tmp_path: Path) -> None:
    weights = File(path="a.gguf", digest=Digest.of_hex("1" * 64))
    folder = _files(
        tmp_path / "project", {"zoo.lock": render(lock(model("a", weights, main=True, memory=1 << 50)))}
    )
    done = Shop(folder, tmp_path / "home").eai("doctor")
    assert done.returncode == 1
    assert "  in the store 2 files to come, 2 bytes\n" in done.stdout
    assert "error: a needs 1048576.0 GiB of memory" in done.stdout

"""`eai doctor` on a bare Debian: it names what is missing there, and what it says to do helps."""

from __future__ import annotations

import json
import platform
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import debian

REPOSITORY = Path(__file__).parents[2]
EAI = ("env", "PYTHONPATH=/eai", "python3", "-m", "zoo")
APT = ("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "-qq", "--no-install-recommends")


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[debian.Root]:
    """A Debian with nothing but its own minimum, Python, and eai."""
    with debian.unpacked(tmp_path / "debian") as root:
        for words in (("apt-get", "update", "-qq"), (*APT, "python3-minimal", "python3")):
            done = root.run(*words)
            assert done.returncode == 0, done.stderr
        version = root.run(
            "python3", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"
        ).stdout.strip()
        _install(root.path / "eai", version)
        yield root


def _install(folder: Path, version: str) -> None:
    """Put eai and all that it imports into a folder, for another Python, as a pip in there would."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    systems = [f"--platform=manylinux_2_{least}_{platform.machine()}" for least in (17, 28, 34)]
    subprocess.run(
        (
            *(sys.executable, "-m", "pip", "install", "--quiet", "--no-compile", "--only-binary=:all:"),
            *("--implementation=cp", f"--python-version={version}", f"--target={folder}", *systems),
            *project["dependencies"],
        ),
        check=True,
    )
    for name in ("zoo", "toolchains"):
        shutil.copytree(REPOSITORY / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))


def test_a_bare_debian_is_told_what_it_lacks_and_how_to_get_it(bare: debian.Root) -> None:
    found = bare.run(*EAI, "doctor")

    assert found.returncode == 1, found.stdout + found.stderr
    assert "Debian GNU/Linux 12 (bookworm)" in found.stdout
    assert "error: llama-cpp latest, cpu: needs libgomp.so.1, which this machine lacks" in found.stdout
    assert found.stdout.splitlines()[-1].endswith("`eai up`")

    (missing,) = (
        each
        for each in json.loads(bare.run(*EAI, "doctor", "--json").stdout)["findings"]
        if "libgomp" in each["what"]
    )
    command, _, _ = missing["remedy"].partition(" (Debian")
    assert shlex.split(command) == ["apt-get", "install", "libgomp1"]
    assert bare.run(*APT, *shlex.split(command)[2:]).returncode == 0

    cured = bare.run(*EAI, "doctor")
    assert "libgomp" not in cured.stdout
    assert "this machine would take cpu" in cured.stdout
    assert cured.returncode == 0, cured.stdout
    # Whoever may not write to the store that root made is told so.
    bare.run("mkdir", "-p", "/data/store")
    other = bare.run(*EAI, "doctor", user="nobody", EAI_HOME="/data")
    assert other.returncode == 1
    assert "error: this user may not write to /data/store, which belongs to root" in other.stdout

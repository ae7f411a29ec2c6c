"""scripts/mac.sh on stand-ins for Macs; no Mac was at hand, so only its decisions are seen here."""

from __future__ import annotations

import pytest
from support.stand_in import Machine


@pytest.fixture
def mac(machine: Machine) -> Machine:
    machine.has("uname", "echo Darwin")
    machine.has("sw_vers", "echo 14.6.1")
    machine.has("python3.13")
    return machine


def test_a_mac_with_python_needs_nothing_else(mac: Machine) -> None:
    done = mac.run("mac.sh", "--dry-run", "demo")
    assert done.returncode == 0, done.stderr
    assert f"would run: {mac.folder}/bin/python3.13 -m venv --clear {mac.folder}/.venv" in done.stderr
    assert "brew" not in done.stderr


def test_python_comes_from_homebrew_where_there_is_none(mac: Machine) -> None:
    (mac.folder / "bin" / "python3.13").unlink()
    mac.has("brew")
    done = mac.run("mac.sh", "--dry-run")
    assert "would run: brew install --quiet python@3.13" in done.stderr


def test_without_homebrew_it_says_how_to_get_python(mac: Machine) -> None:
    (mac.folder / "bin" / "python3.13").unlink()
    done = mac.run("mac.sh")
    assert done.returncode == 1
    assert "hint: install Homebrew and run `brew install python@3.13`" in done.stderr


def test_an_old_macos_is_refused(mac: Machine) -> None:
    mac.has("sw_vers", "echo 12.7")
    done = mac.run("mac.sh")
    assert (done.returncode, "macOS 12.7 is too old" in done.stderr) == (1, True)


@pytest.mark.parametrize("script", ["mac.sh", "jetson.sh", "ubuntu.sh"])
def test_a_word_that_means_nothing_gets_the_usage(machine: Machine, script: str) -> None:
    done = machine.run(script, "instal")
    assert (done.returncode, done.stderr) == (
        2,
        f"usage: bash scripts/{script} [--dry-run] [install | demo | test [PYTEST ARGUMENTS]]\n",
    )

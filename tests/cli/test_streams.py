"""Tests for streams that are closed, broken, full, or of another alphabet."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

EAI = f"{sys.executable} -m zoo"


def shell(line: str, **env: str) -> subprocess.CompletedProcess[bytes]:
    """Run a line of shell in which EAI is the program."""
    return subprocess.run(
        ["sh", "-c", line], env={**os.environ, "EAI": EAI, **env}, capture_output=True, check=False
    )


@pytest.mark.parametrize("command", ["--version", "--help", "schema", "catalog", "store path", "doctor"])
@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_is_written_to_all_the_same(command: str, closed: str, tmp_path: Path) -> None:
    done = shell(f"$EAI {command} {closed}", EAI_HOME=str(tmp_path))
    assert (done.returncode, b"Traceback" in done.stderr) == (0, False)


def test_no_file_gets_the_number_of_a_closed_stream() -> None:
    look = (
        "import os; from zoo.cli import streams; streams.ready(); "
        "os._exit(os.open(os.devnull, os.O_RDONLY) < 3 or not all(map(os.get_inheritable, range(3))))"
    )
    assert shell(f'{sys.executable} -c "{look}" <&- >&- 2>&-').returncode == 0


@pytest.mark.parametrize("command", ["schema", "catalog", "doctor"])
def test_data_that_finds_no_room_is_an_error(command: str, tmp_path: Path) -> None:
    done = shell(f"$EAI {command} > /dev/full", EAI_HOME=str(tmp_path))
    assert done.returncode == 6
    assert b"error: stdout cannot be written: No space left on device\n" in done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("nobody", ["2> /dev/full", "2>&1 >&3 3>&- | true"])
def test_work_is_done_though_nobody_hears_of_it(nobody: str, tmp_path: Path) -> None:
    done = shell(f"exec 3>&1; $EAI init {tmp_path} {nobody}")
    assert (done.returncode, done.stderr) == (0, b"")
    assert (tmp_path / "zoofile.toml").is_file()


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8:strict"])
def test_every_alphabet_has_help(encoding: str) -> None:
    done = shell("$EAI --help && $EAI toolchain try --help", PYTHONIOENCODING=encoding)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"zoofile.toml" in done.stdout


def test_a_path_that_is_no_text_comes_out_byte_for_byte(tmp_path: Path) -> None:
    home = os.fsencode(tmp_path) + b"/\xff"
    done = subprocess.run(
        [sys.executable, "-m", "zoo", "store", "path"],
        env={**os.environb, b"EAI_HOME": home, b"PYTHONIOENCODING": b"utf-8:strict"},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, home + b"/store\n", b"")

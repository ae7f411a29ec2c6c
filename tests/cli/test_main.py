"""The command line as a whole: help, versions, exit codes, and who prints where."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import zoo
from zoo.cli.main import COMMANDS, main


def _eai(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "zoo", *words], capture_output=True, text=True, check=False)


def test_the_version_is_data_and_nothing_else() -> None:
    done = _eai("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"eai {zoo.__version__}\n", "")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_an_example(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert f"eai {command}" in capsys.readouterr().out.partition("example")[2]


@pytest.mark.parametrize(
    ("typed", "hint"),
    [("frobnicate", "`eai --help` lists the commands"), ("lok", "did you mean `eai lock`?")],
)
def test_a_command_that_is_not_there_is_a_usage_error(typed: str, hint: str) -> None:
    done = _eai(typed)
    assert done.returncode == 2
    assert f"there is no command '{typed}'" in done.stderr
    assert hint in done.stderr
    assert done.stdout == ""


def test_outside_any_project_the_way_into_one_is_shown(
    tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path_factory.mktemp("empty")
    assert main(["lock", "--project", str(folder)]) == 1
    assert "hint: `eai init`" in capsys.readouterr().err


def test_a_reader_that_leaves_early_is_no_error() -> None:
    done = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m zoo schema | head -c 1"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "{", "")


def test_ctrl_c_before_the_command_begins_shows_no_traceback() -> None:
    interrupted = """
from zoo.cli import main as program

def interrupted():
    raise KeyboardInterrupt

program.main = interrupted
program.entry()
"""
    done = subprocess.run([sys.executable, "-c", interrupted], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, "interrupted\n")


def test_nothing_typed_shows_what_there_is_to_type(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    shown = capsys.readouterr().err
    assert all(command in shown for command in COMMANDS)


@pytest.mark.parametrize("words", [("store", "ls"), ("model", "status"), ("toolchain", "ls")])
def test_a_command_within_a_command_takes_what_every_command_takes(
    words: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("EAI_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    code = main([*words, "-q"])
    said = capsys.readouterr().err
    assert code == main(["-q", *words])
    assert capsys.readouterr().err == said

    with pytest.raises(SystemExit) as ended:
        main([*words, "--jso"])  # which could come to mean something else one day
    assert ended.value.code == 2

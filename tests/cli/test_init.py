"""`eai init` begins a project and never undoes one."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from zoo.zoofile.read import load

Eai = Callable[..., subprocess.CompletedProcess[str]]


def test_a_project_begins_with_a_zoofile_that_is_good(eai: Eai, work: Path) -> None:
    done = eai("init")

    assert done.returncode == 0, done.stderr
    assert load(work / "zoofile.toml").zoo.name == "work"
    assert not load(work / "zoofile.toml").models
    assert not (work / ".gitignore").exists(), "there is no git here"
    assert done.stdout == ""


def test_a_demo_has_a_toy_and_says_so(eai: Eai, work: Path) -> None:
    done = eai("init", "--demo", "--name", 'Ada\'s "zoo"', "new/folder")

    assert done.returncode == 0, done.stderr
    path = work / "new" / "folder" / "zoofile.toml"
    zoofile = load(path)
    assert zoofile.zoo.name == 'Ada\'s "zoo"'
    assert zoofile.models["toy"].bundled == "eai-toy.gguf"
    assert "A toy that comes with eai" in path.read_text()


def test_what_is_there_stays(eai: Eai, work: Path) -> None:
    (work / "zoofile.toml").write_text("# mine\n")

    done = eai("init", "--demo")

    assert done.returncode == 1
    assert "there is a" in done.stderr
    assert (work / "zoofile.toml").read_text() == "# mine\n"


def test_git_is_told_once_what_to_ignore(eai: Eai, work: Path) -> None:
    (work / ".git").mkdir()
    (work / ".gitignore").write_text("*.log")

    assert eai("init").returncode == 0
    assert (work / ".gitignore").read_text() == "*.log\n.eai/\n"

    (work / "zoofile.toml").unlink()
    assert eai("init").returncode == 0
    assert (work / ".gitignore").read_text() == "*.log\n.eai/\n"


def test_a_folder_that_cannot_be_made_is_an_error_and_no_traceback(eai: Eai, work: Path) -> None:
    (work / "file").touch()

    done = eai("init", "file/inside")

    assert done.returncode == 1
    assert done.stderr.startswith("error: cannot make ")

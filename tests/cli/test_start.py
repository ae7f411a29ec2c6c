"""`eai` finds its commands without importing what they do not need."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

Eai = Callable[..., subprocess.CompletedProcess[str]]


def test_the_version_needs_no_module_but_our_own() -> None:
    code = (
        "import sys; had = set(sys.modules); from zoo.cli.main import main; main(['--version']);"
        "print(*sorted(set(sys.modules) - had))"
    )
    path = {"PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], env=path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[1] == "__future__ gc zoo zoo.cli zoo.cli.main zoo.cli.streams"


def test_help_lists_every_command(eai: Eai) -> None:
    for words in (("--help",), ("-h", "lock")):
        done = eai(*words)
        assert done.returncode == 0
        assert "decide every byte" in done.stdout
        assert "look into the store" in done.stdout
        assert "example:" in done.stdout


def test_help_is_as_wide_as_the_terminal(eai: Eai) -> None:
    def widest(columns: int) -> int:
        options = eai("lock", "--help", COLUMNS=str(columns)).stdout.partition("examples:")[0]
        return max(map(len, options.splitlines()))

    assert widest(60) <= 58 < widest(100) <= 98


@pytest.mark.parametrize("words", [("-q", "init"), ("init", "-q"), ("init", "--quiet")])
def test_quiet_leaves_out_talk_wherever_it_stands(eai: Eai, words: tuple[str, ...]) -> None:
    done = eai(*words)
    assert (done.returncode, done.stderr) == (0, "")


def test_quiet_leaves_errors(eai: Eai) -> None:
    done = eai("-q", "lock", "--check")
    assert done.returncode == 1
    assert done.stderr.startswith("error: no zoofile.toml in ")

"""`eai` as a person runs it: a process of its own, in a folder of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support.hub import hub  # noqa: F401 - a fixture

import zoo

Eai = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def eai(tmp_path: Path) -> Eai:
    """Run `eai` with these words in `tmp_path/work`, or in another folder under it."""
    work = tmp_path / "work"
    work.mkdir()

    def run(*words: str, cwd: Path = work, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "zoo", *words],
            cwd=cwd,
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(Path(zoo.__file__).parents[1]),
                "EAI_HOME": str(tmp_path / "home"),
                "HOME": str(tmp_path),
                **env,
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


@pytest.fixture
def work(tmp_path: Path, eai: Eai) -> Path:
    """The folder that `eai` runs in."""
    return tmp_path / "work"

"""A project that is served, as its person runs it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
from support.serving import WAIT

import zoo
from zoo.platform import current
from zoo.serve import state
from zoo.serve.rundir import run_dir

ASK = {"messages": [{"role": "user", "content": "hello"}], "max_tokens": 64}
OWN = '{ path = "bin/llama-server" }'
ZOOFILE = f"""\
[zoo]
platforms = ["{current()}"]

[toolchain.llama-cpp]
from = {OWN}

[models.chat]
path = "models/chat.gguf"
context-length = 2048

[models.endless]
path = "models/endless.gguf"
context-length = 4096
"""


@dataclass
class Shop:
    """A project that is locked and has everything, and a home of its own."""

    folder: Path
    home: Path
    extra: dict[str, str] = field(default_factory=dict)

    def env(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(Path(zoo.__file__).parents[1]),
            "EAI_HOME": str(self.home),
            "HOME": str(self.home),
            **self.extra,
        }

    def eai(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        command = (sys.executable, "-m", "zoo", *words)
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self.env(),
            capture_output=True,
            text=True,
            timeout=2 * WAIT,
            check=False,
        )

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start a command that goes on."""
        return subprocess.Popen(
            (sys.executable, "-m", "zoo", *words),
            cwd=self.folder,
            env=self.env(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def up(self, *words: str) -> str:
        """Serve in the background; the URL."""
        done = self.eai("up", "-d", "--port", "0", *words)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def running(self) -> state.RunState | None:
        return state.running(run_dir(self.home, self.folder))

    def copy(self, folder: Path) -> Shop:
        """The same project elsewhere, with the same home."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return Shop(folder, self.home)


def chat(url: str, **more: object) -> str:
    answer = httpx2.post(f"{url}/chat/completions", json={**ASK, **more}, timeout=WAIT)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["choices"][0]["message"]["content"])

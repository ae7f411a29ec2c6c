"""A project, and what there is beside this machine: a Hub, a package index, and a server that lies.

The Hub and the index are local servers that speak the real APIs; the Hub's client, the wheel of
llama.cpp, and everything behind them are the real ones.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from models.chat import write_chat
from support import hub as hubs
from support import index as indexes
from support import lying
from support.engine import write_wheel

import zoo

TAGS = {
    "linux": ("manylinux2014_x86_64.manylinux_2_17_x86_64", "manylinux2014_aarch64.manylinux_2_17_aarch64"),
    "darwin": ("macosx_13_0_arm64", "macosx_13_0_x86_64"),
}
REPO, FILE = "tiny/Chat-GGUF", "chat-F32.gguf"


@dataclass(frozen=True)
class World:
    """What there is beside this machine, and a project that was made with it.

    Attributes:
        liar: Serves other bytes of the right size at `/chat.gguf`.
    """

    folder: Path
    home: Path
    env: dict[str, str]
    liar: str

    def eai(self, *words: str, home: Path | None = None, **env: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            (sys.executable, "-m", "zoo", *words),
            cwd=self.folder,
            env={**self.env, "EAI_HOME": str(home or self.home), **env},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def done(self, *words: str, home: Path | None = None, **env: str) -> str:
        """Run a command that must succeed; what it printed."""
        ran = self.eai(*words, home=home, **env)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    def copy(self, folder: Path) -> World:
        """The same project and store elsewhere, to be spoilt by a test."""
        shutil.copytree(self.folder, folder / "project", symlinks=True)
        shutil.copytree(self.home, folder / "home", symlinks=True)
        return World(folder / "project", folder / "home", self.env, self.liar)


@contextmanager
def surroundings(folder: Path) -> Iterator[tuple[hubs.Hub, dict[str, str]]]:
    """A Hub, still empty, an index with the wheel of llama.cpp, and the environment that leads to both."""
    version = importlib.metadata.version("xllamacpp")
    wheel = write_wheel(folder / "wheel").read_bytes()
    files = [
        indexes.Published(filename=f"xllamacpp-{version}-cp310-abi3-{tag}.whl", content=wheel)
        for tags in TAGS.values()
        for tag in tags
    ]
    with ExitStack() as stack:
        hub = stack.enter_context(hubs.running())
        index = stack.enter_context(indexes.serving(indexes.Simple(projects={"xllamacpp": files})))
        env = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(Path(zoo.__file__).parents[1]),
            "HOME": str(folder),
            "HF_ENDPOINT": hub.url,
            "PIP_INDEX_URL": f"{index.url}simple/",
        }
        yield hub, env


@contextmanager
def whole_world(folder: Path) -> Iterator[World]:
    """Make the project `chat` and `embedder`, locked and fetched, in a folder."""
    (path,) = write_chat(folder / FILE)
    model = path.read_bytes()
    with surroundings(folder) as (hub, env), lying.serving() as server:
        hub.repo(REPO, {FILE: model})
        liar = server.on("/chat.gguf", lying.honest(bytes(len(model))))
        (folder / "project").mkdir()
        made = World(folder / "project", folder / "home", env, liar)
        made.done("init", "--name", "whole-path")
        made.done("add", f"hf:{REPO}/{FILE}", "--name", "chat", "--context-length", "2048")
        made.done("add", f"hf:{REPO}/{FILE}", "--name", "embedder", "--task", "embed")
        made.done("lock")
        made.done("fetch")
        yield made


def up(world: World, *words: str, home: Path | None = None) -> str:
    """Serve in the background; the URL."""
    return world.done("up", "-d", "--port", "0", *words, home=home).strip()


def environment(world: World) -> str:
    """The id of the environment that is being served."""
    return str(json.loads(world.done("status", "--json"))["environment"])

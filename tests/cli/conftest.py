"""`eai` as a person runs it: a process of its own, in a folder of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from models.chat import write_chat
from support import kubo, tiny_project
from support.engine import native_engine, native_server, wheel_folder  # noqa: F401 - a fixture
from support.github import github  # noqa: F401 - a fixture
from support.hub import hub  # noqa: F401 - a fixture
from support.lying import server  # noqa: F401 - a fixture
from support.shop import OWN, ZOOFILE, Shop

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


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    made = Shop(tmp_path_factory.mktemp("shop"), tmp_path_factory.mktemp("home"))
    for name in ("bin", "models"):
        (made.folder / name).mkdir()
    native_server(made.folder / "bin" / "llama-server", wheel_folder())
    write_chat(made.folder / "models" / "chat.gguf")
    write_chat(made.folder / "models" / "endless.gguf", say="one two three four five, ", endless=True)
    (made.folder / "zoofile.toml").write_text(ZOOFILE)
    done = made.eai("lock")
    assert done.returncode == 0, done.stderr
    yield made
    made.eai("down", "--force")


@pytest.fixture
def shop(original: Shop, tmp_path: Path) -> Iterator[Shop]:
    made = original.copy(tmp_path / "project")
    yield made
    made.eai("down", "--force")
    assert made.running() is None


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Shop]:
    """A project that is locked, whose engine is source code."""
    tiny_project.require_tools()
    made = Shop(tmp_path / "project", tmp_path / "home")
    (made.folder / "models").mkdir(parents=True)
    for name in ("chat", "endless"):
        write_chat(made.folder / "models" / f"{name}.gguf")
    tiny_project.llama_cpp(made.folder / "engine.tar.gz")
    asked = '{ source = "engine.tar.gz" }\nversion = "b12000"'
    (made.folder / "zoofile.toml").write_text(ZOOFILE.replace(OWN, asked))
    done = made.eai("lock")
    assert done.returncode == 0, done.stderr
    yield made
    made.eai("down", "--force")


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[kubo.Node]:
    repo = tmp_path_factory.mktemp("kubo") / "repo"
    kubo.make(repo)
    with kubo.running(repo) as running:
        yield running

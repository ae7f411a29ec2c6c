"""From nothing to answers, as processes: a Hub, a package index, the store, the real engine, OpenAI's client.

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
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import openai
import pytest
from models.chat import SENTENCE, write_chat
from support import hub as hubs
from support import index as indexes
from support import lying
from support.engine import write_wheel

import zoo
from zoo.lock import toml

pytestmark = pytest.mark.engine

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


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("world")
    (path,) = write_chat(folder / FILE)
    model = path.read_bytes()
    version = importlib.metadata.version("xllamacpp")
    wheel = write_wheel(folder / "wheel").read_bytes()
    files = [
        indexes.Published(filename=f"xllamacpp-{version}-cp310-abi3-{tag}.whl", content=wheel)
        for tags in TAGS.values()
        for tag in tags
    ]
    with ExitStack() as stack:
        hub = stack.enter_context(hubs.running())
        hub.repo(REPO, {FILE: model})
        index = stack.enter_context(indexes.serving(indexes.Simple(projects={"xllamacpp": files})))
        server = stack.enter_context(lying.serving())
        liar = server.on("/chat.gguf", lying.honest(bytes(len(model))))
        env = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(Path(zoo.__file__).parents[1]),
            "HOME": str(folder),
            "HF_ENDPOINT": hub.url,
            "PIP_INDEX_URL": f"{index.url}simple/",
        }
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


def test_a_model_of_the_hub_answers_the_openai_client(world: World, tmp_path: Path) -> None:
    mine = world.copy(tmp_path)
    client = openai.OpenAI(base_url=up(mine), api_key="none", max_retries=0)
    try:
        messages: list[openai.types.chat.ChatCompletionMessageParam] = [{"role": "user", "content": "hello"}]
        whole = client.chat.completions.create(model="chat", messages=messages)
        stream = client.chat.completions.create(model=FILE, messages=messages, stream=True)
        vectors = client.embeddings.create(model="embedder", input=["a cat", "a dog"])
        listed = {model.id for model in client.models.list()}

        assert whole.choices[0].message.content == SENTENCE
        assert "".join(part.choices[0].delta.content or "" for part in stream if part.choices) == SENTENCE
        assert [len(entry.embedding) > 0 for entry in vectors.data] == [True, True]
        assert listed == {"chat", "embedder"}
    finally:
        mine.done("down")


def test_locking_again_leaves_the_same_bytes(world: World, tmp_path: Path) -> None:
    mine = world.copy(tmp_path)
    before = (mine.folder / "zoo.lock").read_bytes()
    mine.done("lock")
    assert (mine.folder / "zoo.lock").read_bytes() == before

    (mine.folder / "zoo.lock").unlink()
    mine.done("lock", home=tmp_path / "another home")
    assert (mine.folder / "zoo.lock").read_bytes() == before


def test_a_lost_store_comes_back_as_the_same_environment(world: World, tmp_path: Path) -> None:
    mine = world.copy(tmp_path)
    up(mine)
    before = environment(mine)
    mine.done("down")
    subprocess.run(["chmod", "-R", "u+w", mine.home / "store"], check=True)
    shutil.rmtree(mine.home / "store")

    up(mine)
    after = environment(mine)
    mine.done("down")

    assert after == before


def test_a_flipped_byte_of_any_object_is_caught_and_mended(world: World, tmp_path: Path) -> None:
    mine = world.copy(tmp_path)
    listed = [entry["digest"] for entry in json.loads(mine.done("store", "ls", "--json"))["objects"]]
    assert len(listed) == 2
    for digest in listed:
        path = Path(mine.done("store", "path", digest).strip())
        flip(path)

        found = mine.eai("store", "verify")
        assert found.returncode == 4
        assert digest in found.stdout + found.stderr
        mine.done("fetch")
        mine.done("store", "verify")


def flip(path: Path) -> None:
    """Change one bit, and leave size and times as they were."""
    times = path.stat()
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    path.chmod(0o444)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def test_a_source_that_lies_is_named_and_the_next_one_used(world: World, tmp_path: Path) -> None:
    mine = world.copy(tmp_path)
    lie_first(mine, keep_honest=True)

    ran = mine.eai("fetch", home=tmp_path / "empty")

    assert ran.returncode == 0, ran.stderr
    assert mine.liar in ran.stderr
    mine.done("store", "verify", home=tmp_path / "empty")


def test_with_only_lies_left_the_exit_code_is_4(world: World, tmp_path: Path) -> None:
    mine = world.copy(tmp_path)
    lie_first(mine, keep_honest=False)

    ran = mine.eai("fetch", home=tmp_path / "empty")

    assert ran.returncode == 4
    assert mine.liar in ran.stderr
    assert "hint:" in ran.stderr


def lie_first(world: World, *, keep_honest: bool) -> None:
    """Give the model a source that lies; without its honest one, or with one that is busy at first."""
    lock = toml.load(world.folder / "zoo.lock")
    artifacts = tuple(
        artifact
        if not artifact.hf
        else type(artifact)(digest=artifact.digest, size=artifact.size, url=(world.liar,))
        if not keep_honest
        else type(artifact)(
            digest=artifact.digest,
            size=artifact.size,
            hf=(f"hf://gone/Away@{'0' * 40}/{FILE}",),
            url=(world.liar, f"{world.env['HF_ENDPOINT']}/{REPO}/resolve/main/{FILE}"),
        )
        for artifact in lock.artifact
    )
    spoilt = type(lock)(
        version=lock.version,
        server=lock.server,
        model=lock.model,
        toolchain=lock.toolchain,
        artifact=artifacts,
    )
    toml.write(world.folder / "zoo.lock", spoilt)


def test_a_stale_lock_is_not_served_and_the_reason_is_told(world: World, tmp_path: Path) -> None:
    mine = world.copy(tmp_path)
    zoofile = mine.folder / "zoofile.toml"
    zoofile.write_text(zoofile.read_text().replace("2048", "1024"))

    ran = mine.eai("up", "-d")

    assert ran.returncode == 3
    assert "chat" in ran.stderr
    assert "context-length 2048 → 1024" in ran.stderr
    assert "embedder" not in ran.stderr
    assert "eai lock" in ran.stderr


def test_without_a_network_what_was_fetched_is_served(world: World, tmp_path: Path) -> None:
    mine = world.copy(tmp_path)
    nowhere = "http://127.0.0.1:9"
    mine = replace(mine, env={**mine.env, "HF_ENDPOINT": nowhere, "PIP_INDEX_URL": nowhere})
    client = openai.OpenAI(base_url=up(mine, "--offline"), api_key="none", max_retries=0)
    try:
        answer = client.chat.completions.create(model="chat", messages=[{"role": "user", "content": "hello"}])
        assert answer.choices[0].message.content == SENTENCE
    finally:
        mine.done("down")

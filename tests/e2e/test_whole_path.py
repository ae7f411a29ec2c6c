"""From nothing to answers, as processes, with the real engine and the real OpenAI client."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import openai
import pytest
from models.chat import SENTENCE
from support.world import FILE, REPO, World, environment, up

from zoo.lock import toml

pytestmark = pytest.mark.engine


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
    # Sources are sorted in a lock, and asked in that order: by name, so that no port decides it.
    honest = world.env["HF_ENDPOINT"].replace("127.0.0.1", "localhost")
    artifacts = tuple(
        artifact
        if not artifact.hf
        else type(artifact)(digest=artifact.digest, size=artifact.size, url=(world.liar,))
        if not keep_honest
        else type(artifact)(
            digest=artifact.digest,
            size=artifact.size,
            hf=(f"hf://gone/Away@{'0' * 40}/{FILE}",),
            url=(world.liar, f"{honest}/{REPO}/resolve/main/{FILE}"),
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

"""An environment that has lost every other source comes back from IPFS: past a liar, or from a CAR."""

from __future__ import annotations

import difflib
from pathlib import Path

import openai
import pytest
from models.chat import SENTENCE
from msgspec.structs import replace
from support import kubo, lying
from support.gateway import path_of, raw
from support.world import World, environment, up

from zoo.lock import toml
from zoo.store import Store

pytestmark = pytest.mark.engine


def test_what_was_preserved_comes_back_from_ipfs_alone(world: World, tmp_path: Path) -> None:
    mine, path = world.copy(tmp_path), tmp_path / "project" / "zoo.lock"
    before = path.read_text()
    up(mine)
    served = environment(mine)
    mine.done("down")
    kubo.make(tmp_path / "repo")
    with kubo.running(tmp_path / "repo") as node, lying.serving() as liar:
        mine.done("preserve", "--toolchains", "--to", "kubo", EAI_KUBO_API=node.api)
        assert only_cids_were_added(before, path.read_text())
        for root in forget_all_but_ipfs(path):
            liar.on(path_of(root), raw(b"another block"))
        config = tmp_path / "config.toml"
        config.write_text(f'[ipfs]\ngateways = ["{liar.url("")}", "{node.gateway}"]\n')

        fetched = mine.eai("fetch", home=tmp_path / "empty", EAI_CONFIG=str(config))

    assert fetched.returncode == 0, fetched.stderr
    assert liar.url("") in fetched.stderr
    everything_is_there(mine, tmp_path / "empty")
    answers(replace_home(mine, tmp_path / "empty"), served)


def test_what_was_preserved_in_a_car_comes_back_without_any_network(world: World, tmp_path: Path) -> None:
    mine, path = world.copy(tmp_path), tmp_path / "project" / "zoo.lock"
    up(mine)
    served = environment(mine)
    mine.done("down")
    mine.done("preserve", "--toolchains", "--to", "car", str(tmp_path / "usb.car"))
    forget_all_but_ipfs(path)
    mine.done("fetch", "--from", str(tmp_path / "usb.car"), "--offline", home=tmp_path / "empty")
    everything_is_there(mine, tmp_path / "empty")
    answers(replace_home(mine, tmp_path / "empty"), served)


def everything_is_there(world: World, home: Path) -> None:
    """Check that another store has the same bytes of all that the lock names."""
    for digest in toml.load(world.folder / "zoo.lock").artifacts():
        there = Store(home / "store").object(digest)
        assert there.read_bytes() == Store(world.home / "store").object(digest).read_bytes()


def only_cids_were_added(before: str, after: str) -> bool:
    """Whether nothing but arrays of CIDs is new."""
    changes = [line for line in difflib.ndiff(before.splitlines(), after.splitlines()) if line[0] in "+-"]
    return bool(changes) and all(line.startswith(("+ ipfs = [", '+     "ipfs://', "+ ]")) for line in changes)


def forget_all_but_ipfs(path: Path) -> list[str]:
    """Remove every other source from a lock; the CIDs that are left."""
    lock = toml.load(path)
    only = dict.fromkeys(("bundled", "hf", "path", "pypi", "url"), ())
    artifacts = tuple(replace(artifact, **only) for artifact in lock.artifact)
    toml.write(path, replace(lock, artifact=artifacts))
    return [uri.removeprefix("ipfs://") for artifact in artifacts for uri in artifact.ipfs]


def replace_home(world: World, home: Path) -> World:
    """The same project with another store."""
    return World(world.folder, home, world.env, world.liar)


def answers(world: World, served: str) -> None:
    """Check that it is the same environment, and that it answers, without any network."""
    client = openai.OpenAI(base_url=up(world, "--offline"), api_key="none", max_retries=0)
    try:
        answer = client.chat.completions.create(model="chat", messages=[{"role": "user", "content": "hello"}])
        assert answer.choices[0].message.content == SENTENCE
        assert environment(world) == served
    finally:
        world.done("down")

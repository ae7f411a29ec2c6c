"""`eai model run` and what goes with it, as older installations had it: the real Hub client and engine."""

from __future__ import annotations

import json
import socket
import tomllib
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from models.chat import write_chat
from support.shop import chat
from support.world import World, surroundings

from zoo.catalog import lookup

pytestmark = pytest.mark.engine

ONE, TWO = "qwen3-1.7b", "lfm2-1.2b"
CONFIG = """\
port: {port}
host: 127.0.0.1
models:
  small:
    model: lfm2-1.2b
    on_demand: True
  own:
    hf_repo: tiny/Own-GGUF
    model: own-Q8_0.gguf
    task: chat
    context_length: 1024
  drawn:
    model: flux-dev
    on_demand: True
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("former")
    with surroundings(folder) as (hub, env):
        for name in (ONE, TWO):
            entry = lookup(name)
            assert entry is not None
            request = entry.request
            assert request.hf is not None
            assert request.file is not None
            (path,) = write_chat(folder / request.file, say=f"I am {name}.")
            hub.repo(request.hf, {request.file: path.read_bytes()})
        (path,) = write_chat(folder / "own.gguf", say="I am your own.")
        hub.repo("tiny/Own-GGUF", {"own-Q8_0.gguf": path.read_bytes()})
        (folder / "project").mkdir()
        yield World(folder / "project", folder / "home", env, liar="")


@pytest.fixture(autouse=True)
def _nothing_stays(world: World) -> Iterator[None]:
    yield
    for port in (folder.name.removeprefix("port-") for folder in (world.home / "model").glob("port-*")):
        world.eai("model", "stop", "--force", "--port", port)


def free() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return str(listening.getsockname()[1])


def test_models_of_the_catalogue_are_served_in_the_background_and_go_by_their_cids(world: World) -> None:
    port = free()
    done = world.eai("model", "run", f"{ONE},{TWO}", "--port", port)
    assert done.returncode == 0, done.stderr
    url = done.stdout.strip()
    assert url == f"http://127.0.0.1:{port}/v1"
    assert "eai model stop" in done.stderr
    assert chat(url) == f"I am {ONE}."
    entry = lookup(TWO)
    assert entry is not None
    assert chat(url, model=TWO) == chat(url, model=entry.cid) == f"I am {TWO}."

    assert f"{ONE}  (main)" in world.done("model", "status")
    said = json.loads(world.done("model", "status", "--json"))
    assert [model["name"] for model in said["models"]] == sorted([ONE, TWO])
    assert world.done("model", "check", ONE).strip() == "True"
    assert world.done("model", "check", "--hash", str(entry.cid)).strip() == "True"
    assert world.done("model", "check", "qwen3-4b").strip() == "False"

    again = world.eai("model", "run", ONE, "--port", port)
    assert again.returncode == 1
    assert "is being served already" in again.stderr
    assert world.eai("model", "stop").returncode == 0
    assert world.eai("model", "status").returncode == 1
    assert world.eai("model", "stop").returncode == 0


def test_what_was_got_once_is_served_again_without_any_network(world: World) -> None:
    world.done("model", "download", ONE)
    world.done("model", "download", "--hf-repo", "tiny/Own-GGUF", "--hf-file", "own-Q8_0.gguf")
    nowhere = {"HF_ENDPOINT": "http://127.0.0.1:9", "PIP_INDEX_URL": "http://127.0.0.1:9/simple/"}
    url = world.done("model", "run", ONE, "--port", free(), **nowhere).strip()
    assert chat(url) == f"I am {ONE}."
    world.done("model", "stop")
    url = world.done("model", "serve", "--main-model", "own-q8_0", "--port", free(), **nowhere).strip()
    listed = [model["id"] for model in httpx2.get(f"{url}/models").json()["data"]]
    assert listed[0] == "own-q8_0"
    assert {ONE, "own-q8_0"} <= set(listed)
    assert chat(url, model="own-Q8_0.gguf") == chat(url) == "I am your own."


def test_a_file_of_the_hub_has_the_context_that_is_asked_for(world: World) -> None:
    words = ("--hf-repo", "tiny/Own-GGUF", "--hf-file", "own-Q8_0.gguf", "--task", "chat")
    url = world.done("model", "run", *words, "--context-length", "512", "--port", free()).strip()
    assert [model["context_length"] for model in httpx2.get(f"{url}/models").json()["data"]] == [512]


def test_a_config_yaml_is_served_and_imported(world: World) -> None:
    port = free()
    config = world.folder / "config.yaml"
    config.write_text(CONFIG.format(port=port))
    done = world.eai("model", "run", "--config", str(config))
    assert done.returncode == 0, done.stderr
    assert "config.yaml:12: models.drawn is left out: flux-dev is for the engine mlx-flux" in done.stderr
    url = done.stdout.strip()
    assert chat(url) == chat(url, model="own") == "I am your own."
    assert chat(url, model="small") == f"I am {TWO}."
    world.done("model", "stop")

    target = world.folder / "imported"
    target.mkdir()
    said = world.eai("import", str(config), "--project", str(target))
    assert said.returncode == 0, said.stderr
    imported = tomllib.loads((target / "zoofile.toml").read_text())
    assert imported["server"] == {"host": "127.0.0.1", "port": int(port)}
    assert imported["models"]["own-q8_0"] == {
        "hf": "tiny/Own-GGUF",
        "file": "own-Q8_0.gguf",
        "task": "chat",
        "context-length": 1024,
        "aliases": ["own"],
        "main": True,
    }
    world.done("lock", "--project", str(target))
    assert world.eai("import", str(config), "--project", str(target)).returncode == 1
    absent = world.eai("import", str(target / "absent.yaml"), "--project", str(target))
    assert absent.returncode == 1
    assert "hint: name the config.yaml of an Eternal Zoo" in absent.stderr


def test_two_servers_are_told_apart_by_their_ports(world: World) -> None:
    first, second = free(), free()
    world.done("model", "run", ONE, "--port", first)
    world.done("model", "run", TWO, "--port", second)
    told = world.eai("model", "stop")
    assert told.returncode == 2
    assert "name one with --port" in told.stderr
    world.done("model", "stop", "--port", second)
    assert chat(f"http://127.0.0.1:{first}/v1") == f"I am {ONE}."


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "no model is named"),
        (("qwen3-1.7", "--port", "1"), "did you mean qwen3-1.7b"),
        ((ONE, "--hash", "bafk"), "models are named in two ways at once"),
        (("--hf-repo", "a/b"), "name one with --hf-file"),
        ((ONE, "--hf-file", "x.gguf"), "--hf-file goes with --hf-repo"),
        (("flux-dev",), "is for the engine mlx-flux"),
        ((ONE, "--backend", "mlx-lm"), "runs on Apple's machines only"),
        ((f"{ONE},",), "holds an empty name"),
        ((ONE, "--config", "config.yaml"), "--config names the models already"),
        (("--config", "nothing.yaml"), "there is no nothing.yaml"),
    ],
)
def test_what_cannot_be_served_is_told(world: World, words: tuple[str, ...], message: str) -> None:
    done = world.eai("model", "run", *words)
    assert done.returncode in {1, 2}
    assert message in done.stderr


def test_nothing_downloaded_is_nothing_to_serve(world: World, tmp_path: Path) -> None:
    done = world.eai("model", "serve", home=tmp_path)
    assert done.returncode == 1
    assert "eai model download NAME" in done.stderr
    world.done("model", "download", ONE)
    unknown = world.eai("model", "serve", "--main-model", "nobody")
    assert unknown.returncode == 2
    assert "nobody has not been downloaded" in unknown.stderr

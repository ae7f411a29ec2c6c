"""A lock becomes engines that answer, with the real engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from models.chat import ADAPTED, SENTENCE
from support.engine import Engine, Engines, engine_tree, engines_over, native_server
from support.locked import Stocked, chosen, lock, model

from zoo.environment.build import realise
from zoo.environment.model import Environment
from zoo.errors import EaiError
from zoo.lock.model import File, Lock, ToolchainRequest
from zoo.platform import current
from zoo.store import Store
from zoo.toolchains.path import PathProvider
from zoo.zoofile.model import Own, Request, Sampling

pytestmark = pytest.mark.engine

CID = "bafkreiacd5mwy4a5wkdmvxsk42nsupes5uf4q3dm52k36mvbhgdrez422y"


@pytest.fixture
def engines(tmp_path: Path) -> Iterator[Engines]:
    with engines_over(tmp_path) as made:
        yield made


def _realise(locked: Lock, stocked: Stocked) -> Environment:
    return realise(locked, current(), chosen(locked), stocked.store, threads=lambda: 1)


def _start(engines: Engines, environment: Environment, number: int = 0) -> Engine:
    engine = environment.models[number].engine

    return engines.launch(
        lambda socket, ready, alive: engine.command(socket, ready_fd=ready, alive_fd=alive)
    ).until_ready()


def test_a_lock_becomes_an_engine_that_answers(stocked: Stocked, engines: Engines) -> None:
    locked = lock(model("tiny", stocked.chat, main=True), wheel=stocked.wheel)

    engine = _start(engines, _realise(locked, stocked))
    props = engine.ask("/props")
    params = props["default_generation_settings"]["params"]

    assert engine.say() == SENTENCE
    assert engine.ask("/v1/models")["data"][0]["id"] == "tiny"
    assert (props["total_slots"], props["default_generation_settings"]["n_ctx"]) == (2, 512)
    assert (params["seed"], params["temperature"]) == (42, 0.5)
    assert props["model_path"] == "./chat.gguf"


def test_shards_are_found_through_the_view(stocked: Stocked, engines: Engines) -> None:
    locked = lock(model("split", *stocked.shards, main=True), wheel=stocked.wheel)

    assert _start(engines, _realise(locked, stocked)).say() == SENTENCE


def test_an_adapter_and_a_template_are_served_with_the_model(stocked: Stocked, engines: Engines) -> None:
    tuned = model(
        "tuned",
        stocked.chat,
        main=True,
        lora=(stocked.lora,),
        lora_scales=(1.0,),
        chat_template=(stocked.template,),
    )
    environment = _realise(lock(tuned, wheel=stocked.wheel), stocked)

    engine = _start(engines, environment)

    assert engine.ask("/props")["chat_template"] == "{{ messages[0].content }}"
    assert engine.ask("/lora-adapters")[0]["scale"] == 1.0
    assert engine.ask("/completion", {"prompt": "\n", "n_predict": 40})["content"] == ADAPTED
    assert [(each.name, each.scale) for each in environment.models[0].lora_config] == [("lora.gguf", 1.0)]


@pytest.mark.parametrize("args", [("--cache-type-k", "bf16"), ("--flash-attn", "off"), ("--kv-unified",)])
def test_a_models_own_args_are_obeyed(stocked: Stocked, engines: Engines, args: tuple[str, ...]) -> None:
    locked = lock(model("own", stocked.chat, main=True, args=args), wheel=stocked.wheel)

    assert _start(engines, _realise(locked, stocked)).say() == SENTENCE


def test_vectors_come_from_a_model_that_embeds(stocked: Stocked, engines: Engines) -> None:
    vectors = model("vectors", stocked.chat, main=True, task="embed", pooling="mean", sampling=Sampling())
    locked = lock(vectors, wheel=stocked.wheel)

    answer = _start(engines, _realise(locked, stocked)).ask("/v1/embeddings", {"input": "hello"})

    assert len(answer["data"][0]["embedding"]) == 64


def test_an_adopted_program_is_served_like_any_other(
    stocked: Stocked, engines: Engines, tmp_path: Path
) -> None:
    """No native llama-server can be had in a test: a script called so runs the real engine."""
    native_server(tmp_path / "llama-server", engine_tree(tmp_path))
    request = ToolchainRequest(version="latest", source=Own(path="llama-server"), variant="cpu")
    toolchain, artifacts = PathProvider(tmp_path).lock("llama-cpp", request, None)
    assert stocked.store.adopt(tmp_path / "llama-server")[0] == artifacts[0].digest
    locked = lock(model("tiny", stocked.chat, main=True), wheel=stocked.wheel)
    adopted = msgspec.structs.replace(locked, toolchain=(toolchain,), artifact=(*locked.artifact, *artifacts))
    environment = _realise(adopted, stocked)

    assert environment.id != _realise(locked, stocked).id
    assert _start(engines, environment).say() == SENTENCE


def test_a_model_is_described_with_all_that_it_may_be_called(stocked: Stocked) -> None:
    toy = model("toy", stocked.chat, main=True, request=Request(bundled="toy.gguf"))
    environment = _realise(lock(toy, wheel=stocked.wheel, ipfs=f"ipfs://{CID}"), stocked)
    (served,) = environment.models

    digest = stocked.chat.digest
    assert served.aliases == (CID, digest, digest.hex, "chat.gguf", "chat")
    assert {type(alias) for alias in served.aliases} == {str}  # they are written as JSON
    assert (served.task, served.main, served.context_length, served.digest) == ("chat", True, 512, digest)
    assert served.created > 1_700_000_000
    assert served.note is not None
    assert not served.multimodal


def test_the_cid_of_a_folder_is_nobodys_name(stocked: Stocked) -> None:
    locked = lock(model("a", stocked.chat, main=True), wheel=stocked.wheel, ipfs=f"ipfs://{CID}/chat.gguf")

    assert CID not in _realise(locked, stocked).models[0].aliases


def test_an_engine_inherits_nothing(stocked: Stocked, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_TOKEN", "LLAMA_ARG_CTX_SIZE", "AIP_MODE", "GGML_BACKEND_PATH", "LD_PRELOAD"):
        monkeypatch.setenv(name, "x")
    engine = (
        _realise(lock(model("a", stocked.chat, main=True), wheel=stocked.wheel), stocked).models[0].engine
    )

    assert set(engine.env) == {"HOME", "PATH", "LANG", "PYTHONPATH"}
    assert [path.name for path in engine.cwd.iterdir()] == ["chat.gguf"]


def test_files_that_were_not_fetched_are_listed(stocked: Stocked, tmp_path: Path) -> None:
    locked = lock(model("a", stocked.chat, main=True), model("b", *stocked.shards), wheel=stocked.wheel)
    with pytest.raises(EaiError) as caught:
        realise(locked, current(), chosen(locked), Store(tmp_path), threads=lambda: 1)

    lines = str(caught.value).splitlines()
    assert lines[1:] == ["  a: chat.gguf", *(f"  b: {shard.path}" for shard in stocked.shards)]
    assert caught.value.hint == "run `eai fetch`"


def test_the_same_lock_gives_the_same_environment_in_another_store(stocked: Stocked, tmp_path: Path) -> None:
    locked = lock(model("a", stocked.chat, main=True), wheel=stocked.wheel)
    other = Store(tmp_path / "other")
    for digest in (stocked.chat.digest, stocked.wheel):
        assert other.adopt(stocked.store.object(digest))[0] == digest

    first, second = (
        _realise(locked, stocked),
        realise(locked, current(), chosen(locked), other, threads=lambda: 2),
    )

    assert first.id == second.id
    assert first.models[0].engine.flags[:-4] == second.models[0].engine.flags[:-4]


def test_two_files_of_one_name_are_refused(stocked: Stocked) -> None:
    twin = File(path="other/chat.gguf", digest=stocked.endless.digest)
    locked = lock(model("a", stocked.chat, twin, main=True), wheel=stocked.wheel)
    with pytest.raises(EaiError, match=r"two files called chat.gguf"):
        _realise(locked, stocked)

"""Tests for how settings are decided."""

from __future__ import annotations

from types import SimpleNamespace as Make

import pytest

from zoo.errors import ZoofileError
from zoo.lock.model import Settings
from zoo.lock.settings import memory, settle
from zoo.zoofile.model import Lora, Model, Sampling


def test_the_defaults_are_part_of_lock_version_1(make: Make) -> None:
    assert settle(Model(), make.facts(), main=True) == Settings(
        task="chat",
        main=True,
        context_length=32768,
        parallel=1,
        batch=512,
        gpu_layers="all",
        cache_ram=0,
        sampling=Sampling(seed=42),
    )


def test_the_defaults_for_embedding_are_too(make: Make) -> None:
    facts = make.facts(embedding=True, context_length=8192)
    settings = settle(Model(), facts, main=False)
    assert (settings.task, settings.context_length, settings.batch) == ("embed", 2048, 2048)


@pytest.mark.parametrize(("trained", "context"), [(2048, 2048), (131072, 32768), (0, 4096)])
def test_the_context_is_what_was_trained_up_to_32768(make: Make, trained: int, context: int) -> None:
    assert settle(Model(), make.facts(context_length=trained), main=True).context_length == context


def test_more_context_than_was_trained_names_both(make: Make) -> None:
    with pytest.raises(
        ZoofileError, match=r"qwen: context-length = 9000 is more than .* 8192 tokens"
    ) as caught:
        settle(Model(context_length=9000), make.facts(context_length=8192), main=True, name="qwen")
    assert "at most 8192" in str(caught.value.hint)


def test_parallel_slots_share_the_context(make: Make) -> None:
    facts = make.facts(context_length=8192)
    assert settle(Model(parallel=4), facts, main=True).context_length == 32768
    assert settle(Model(parallel=4, context_length=4096), facts, main=True).context_length == 4096
    with pytest.raises(ZoofileError, match="in 2 parallel slots"):
        settle(Model(parallel=2, context_length=16385), facts, main=True)
    with pytest.raises(ZoofileError, match="leaves no token"):
        settle(Model(parallel=4, context_length=3), facts, main=True)
    with pytest.raises(ZoofileError, match="context-length = 32768 leaves no token for some of 40000 "):
        settle(Model(parallel=40_000), facts, main=True)


def test_an_input_to_embed_fits_into_one_batch(make: Make) -> None:
    facts = make.facts(embedding=True, context_length=8192)
    assert settle(Model(context_length=8192), facts, main=False).batch == 8192
    assert settle(Model(context_length=8192, parallel=2), facts, main=False).batch == 4096
    assert settle(Model(context_length=8192, batch=1024), facts, main=False).batch == 1024


def test_a_batch_is_no_longer_than_the_context(make: Make) -> None:
    assert settle(Model(context_length=100), make.facts(), main=True).batch == 100


def test_the_task_is_what_is_declared_else_the_catalogues_else_the_headers(make: Make) -> None:
    assert settle(Model(task="rerank"), make.facts(task="embed"), main=False).task == "rerank"
    assert settle(Model(), make.facts(task="rerank", embedding=True), main=False).task == "rerank"


def test_a_reranker_ranks(make: Make) -> None:
    assert settle(Model(task="rerank"), make.facts(), main=False).pooling == "rank"
    with pytest.raises(ZoofileError, match='pooling = "mean" does not go with the task rerank'):
        settle(Model(task="rerank", pooling="mean"), make.facts(), main=False)


def test_a_chat_model_that_embeds_makes_one_vector_by_the_mean(make: Make) -> None:
    assert settle(Model(task="embed"), make.facts(embedding=False), main=False).pooling == "mean"
    assert settle(Model(task="embed"), make.facts(embedding=True), main=False).pooling is None


def test_pooling_is_for_vectors(make: Make) -> None:
    assert settle(Model(pooling="cls"), make.facts(embedding=True), main=False).pooling == "cls"
    with pytest.raises(ZoofileError, match="does not go with the task chat"):
        settle(Model(pooling="cls"), make.facts(), main=False)


def test_declared_sampling_goes_before_the_catalogues(make: Make) -> None:
    facts = make.facts(sampling=Sampling(temperature=0.6, top_k=20))
    declared = Sampling(temperature=0.0, seed=-1)
    assert settle(Model(sampling=declared), facts, main=True).sampling == Sampling(
        temperature=0.0, top_k=20, seed=-1
    )


def test_what_is_declared_is_taken(make: Make) -> None:
    model = Model(
        gpu_layers=0, batch=64, args=("--flash-attn", "on"), lora=(Lora(path="a"), Lora(path="b", scale=0.5))
    )
    settings = settle(model, make.facts(), main=False)
    assert (settings.gpu_layers, settings.batch, settings.args) == (0, 64, ("--flash-attn", "on"))
    assert settings.lora_scales == (1.0, 0.5)


@pytest.mark.parametrize(
    "model",
    [Model(sampling=Sampling(presence_penalty=float("nan"))), Model(lora=(Lora(scale=float("inf")),))],
)
def test_what_is_no_number_is_refused(make: Make, model: Model) -> None:
    with pytest.raises(ZoofileError, match="is no number to use"):
        settle(model, make.facts(), main=True)


def test_memory_is_files_and_caches_and_buffers(make: Make) -> None:
    facts = make.facts(kv_token=100, overhead=7000)
    assert memory(facts, make.settings(context_length=1024), 5000) == 5000 + 100 * 1024 + 7000


def test_memory_of_a_sliding_window_grows_no_further_than_it(make: Make) -> None:
    facts = make.facts(kv_token=0, kv_window_token=10, window=1000)
    assert memory(facts, make.settings(context_length=8192), 0) == 10 * 1536  # 1000 + 512, padded to 256
    assert memory(facts, make.settings(context_length=512), 0) == 10 * 512


def test_memory_counts_every_slot_and_a_greater_batch(make: Make) -> None:
    facts = make.facts(kv_token=1, state=3, overhead=100)
    assert memory(facts, make.settings(context_length=1000, parallel=2), 0) == 2 * (512 + 3) + 100
    assert memory(facts, make.settings(context_length=256, batch=2048), 0) == 256 + 3 + 400


def test_memory_counts_the_cache_of_prompts(make: Make) -> None:
    assert memory(make.facts(kv_token=0), make.settings(cache_ram=1), 0) == 1048576

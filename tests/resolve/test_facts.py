"""What a model's header says of its memory and of what it is for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from zoo.errors import ZoofileError
from zoo.lock.model import Facts
from zoo.resolve.facts import facts
from zoo.resolve.gguf import Array, Header, Tensor, Value
from zoo.zoofile.model import Sampling

KIB = 1024


def told(architecture: str, **values: Value) -> Facts:
    return facts(header(architecture, **values), f"{architecture}.gguf")


def header(architecture: str, tensors: tuple[Tensor, ...] = (), **values: Value) -> Header:
    keys = {f"{architecture}.{key.replace('__', '.')}": value for key, value in values.items()}
    general = {key: keys.pop(f"{architecture}.{key}") for key in list(values) if "." in key}
    return Header(3, {"general.architecture": architecture, **keys, **general}, tensors, 0)


def numbers(*items: int) -> Array:
    return Array(len(items), items)


# Hyperparameters of published models, as their headers state them.
LLAMA_8B = {
    "context_length": 131072,
    "block_count": 32,
    "embedding_length": 4096,
    "feed_forward_length": 14336,
    "attention__head_count": 32,
    "attention__head_count_kv": 8,
}


def test_grouped_attention_keeps_keys_and_values_of_its_kv_heads() -> None:
    assert told("llama", **LLAMA_8B).kv_token == 128 * KIB


def test_without_a_count_of_kv_heads_every_head_is_kept() -> None:
    del (plain := dict(LLAMA_8B))["attention__head_count_kv"]

    assert told("llama", **plain).kv_token == 512 * KIB


def test_the_length_of_a_key_goes_before_what_the_embedding_gives() -> None:
    qwen = told(
        "qwen3",
        context_length=40960,
        block_count=28,
        embedding_length=2048,
        attention__head_count=16,
        attention__head_count_kv=8,
        attention__key_length=128,
        attention__value_length=128,
    )

    assert qwen.kv_token == 112 * KIB


def test_layers_that_predict_further_tokens_are_not_counted() -> None:
    more = {**LLAMA_8B, "block_count": 33, "nextn_predict_layers": 1}

    assert told("llama", **more).kv_token == told("llama", **LLAMA_8B).kv_token


GEMMA3_4B = {
    "context_length": 131072,
    "block_count": 34,
    "embedding_length": 2560,
    "attention__head_count": 8,
    "attention__head_count_kv": 4,
    "attention__key_length": 256,
    "attention__value_length": 256,
    "attention__sliding_window": 1024,
}


def test_one_layer_in_six_of_gemma_3_sees_all_of_the_context() -> None:
    gemma = told("gemma3", **GEMMA3_4B)

    layer = 2 * 2 * 4 * 256
    assert (gemma.kv_token, gemma.kv_window_token, gemma.window) == (5 * layer, 29 * layer, 1024)


def test_a_listed_pattern_goes_before_the_known_one() -> None:
    listed = numbers(*[1] * 10, *[0] * 24)
    gemma = told("gemma3", **GEMMA3_4B, attention__sliding_window_pattern=listed)

    assert gemma.kv_window_token == 10 * gemma.kv_token // 24


@pytest.mark.parametrize(
    ("architecture", "more", "whole", "windowed", "window"),
    [
        ("gemma2", {}, 17, 17, 4096),
        ("gpt-oss", {"attention__sliding_window": 128}, 17, 17, 128),
        ("cohere2", {"attention__sliding_window": 4096}, 8, 26, 4096),
        ("llama4", {}, 8, 26, 8192),
        ("llama4", {"attention__sliding_window": 0}, 34, 0, 0),
        ("smallthinker", {"attention__sliding_window": 1}, 9, 25, 4096),
        ("phi3", {"attention__sliding_window": 2047}, 34, 0, 0),
        ("llama", {"attention__sliding_window": 4096}, 34, 0, 0),
        ("exaone4", {"attention__sliding_window": 4096}, 34, 0, 0),
        ("gemma3n", {"attention__sliding_window": 512}, 4, 16, 512),
    ],
)
def test_windows_are_those_that_llama_cpp_uses(
    architecture: str, more: dict[str, int], whole: int, windowed: int, window: int
) -> None:
    del (plain := dict(GEMMA3_4B))["attention__sliding_window"]
    found = told(architecture, **{**plain, **more})

    layer = 2 * 2 * 4 * 256
    assert (found.kv_token, found.kv_window_token) == (whole * layer, windowed * layer)
    assert found.window == window


def test_latent_attention_keeps_one_vector_for_all_heads() -> None:
    deepseek = told(
        "deepseek2",
        context_length=163840,
        block_count=61,
        embedding_length=7168,
        attention__head_count=128,
        attention__head_count_kv=1,
        attention__key_length=576,
        attention__value_length=512,
        attention__key_length_mla=192,
        attention__value_length_mla=128,
    )

    assert deepseek.kv_token == 61 * 576 * 2


def test_a_recurrent_model_keeps_a_state_and_no_cache() -> None:
    mamba = told(
        "mamba",
        context_length=2**20,
        block_count=48,
        embedding_length=1536,
        attention__head_count=0,
        ssm__conv_kernel=4,
        ssm__inner_size=3072,
        ssm__state_size=16,
    )

    assert (mamba.kv_token, mamba.state) == (0, 48 * 4 * (3 * 3072 + 16 * 3072))


def test_a_hybrid_keeps_both_each_in_its_layers() -> None:
    qwen = told(
        "qwen3next",
        context_length=262144,
        block_count=48,
        embedding_length=2048,
        attention__head_count=16,
        attention__head_count_kv=2,
        attention__key_length=256,
        attention__value_length=256,
        ssm__conv_kernel=4,
        ssm__inner_size=4096,
        ssm__state_size=128,
        ssm__group_count=16,
    )

    assert qwen.kv_token == 12 * 2 * 2 * 2 * 256
    assert qwen.state == 36 * 4 * (3 * (4096 + 2 * 16 * 128) + 128 * 4096)


def test_an_encoder_keeps_nothing_and_makes_embeddings() -> None:
    bert = told("bert", context_length=512, block_count=6, embedding_length=384, attention__head_count=12)

    assert (bert.kv_token, bert.state, bert.embedding, bert.task) == (0, 0, True, None)


@pytest.mark.parametrize(
    ("pooling", "embedding", "task"), [(0, False, None), (3, True, None), (4, False, "rerank")]
)
def test_a_pooling_type_tells_what_a_model_is_for(pooling: int, *, embedding: bool, task: str | None) -> None:
    found = told("qwen3", **LLAMA_8B, pooling_type=pooling)

    assert (found.embedding, found.task) == (embedding, task)


def test_what_the_catalogue_says_is_kept() -> None:
    warm = Sampling(temperature=0.7)
    found = facts(header("llama", **LLAMA_8B), "m.gguf", mmproj=True, task="embed", sampling=warm)

    assert (found.task, found.sampling, found.mmproj) == ("embed", warm, True)


def test_a_chat_template_is_noticed() -> None:
    values = {**LLAMA_8B, "tokenizer.chat_template": "{{ messages }}"}

    assert told("llama", **values).chat_template
    assert not told("llama", **LLAMA_8B).chat_template


@pytest.mark.parametrize(
    ("declared", "named"),
    [(15, "Q4_K_M"), (1024 + 7, "Q8_0"), (38, "MXFP4_MOE"), (999, "Q4_K"), (None, "Q4_K")],
)
def test_the_quantisation_is_what_is_declared_or_what_most_weights_have(
    declared: int | None, named: str
) -> None:
    tensors = (
        Tensor("a", (256, 100), 12, 0),
        Tensor("b", (256, 60), 0, 0),
        Tensor("c", (256,), 0, 0),
        Tensor("d", (256,), 0, 0),
    )
    values = dict(LLAMA_8B) if declared is None else {**LLAMA_8B, "general.file_type": declared}

    assert facts(header("llama", tensors, **values), "m.gguf").quantisation == named


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"context_length": 0}, "llama.context_length"),
        ({"block_count": 0}, "llama.block_count"),
        ({"block_count": 100_000}, "llama.block_count = 100000"),
        ({"attention__head_count_kv": numbers(8, 8)}, "for 2 of its 32 layers"),
        ({"embedding_length": -1}, "llama.embedding_length = -1"),
        ({"attention__head_count_kv": 2**24, "attention__key_length": 2**24}, "more memory than any machine"),
    ],
)
def test_absurd_hyperparameters_are_refused_by_name(values: dict[str, Any], says: str) -> None:
    with pytest.raises(ZoofileError, match=says) as caught:
        told("llama", **{**LLAMA_8B, **values})

    assert caught.value.hint is not None


@pytest.mark.parametrize("architecture", ["", "a b", "\x1b[31m", "x" * 100])
def test_an_architecture_that_is_no_name_is_refused(architecture: str) -> None:
    with pytest.raises(ZoofileError, match="names no architecture"):
        told(architecture, **LLAMA_8B)


def test_a_diffusion_model_is_refused_for_what_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(ZoofileError, match="flux"):
        told("flux")

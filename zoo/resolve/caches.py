"""What a model keeps for a conversation: bytes of cache a token takes, and of state a slot takes.

From load_arch_hparams in src/models/*.cpp, llama-hparams.cpp and create_memory in llama-model.cpp of
llama.cpp b11549, for keys and values at f16, recurrent state at f32, and flash attention. Where an
architecture compresses its cache further than this knows, what is said here is too much, not too little.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from zoo.resolve.hyper import MAX_LAYERS, MAX_TOKENS, Hyper

ENCODERS = frozenset(
    {
        "bert",
        "eurobert",
        "gemma-embedding",
        "gemma-embedding2",
        "jina-bert-v2",
        "jina-bert-v3",
        "modern-bert",
        "neo-bert",
        "nomic-bert",
        "nomic-bert-moe",
    }
)
"""Architectures that read a text as a whole, and so make embeddings and keep no cache."""

_DIFFUSION = frozenset({"dream", "llada", "llada-moe", "rnd1", "clef", "wavtokenizer-dec"})
_RECURRENT = frozenset({"mamba", "mamba2", "rwkv6", "rwkv6qwen2", "rwkv7", "arwkv7"})
_RECURRENT_WITHOUT_HEADS = frozenset(
    {
        "bailingmoe3",
        "glm5-next",
        "granitehybrid",
        "jamba",
        "kimi-k3",
        "kimi-linear",
        "lfm2",
        "lfm2moe",
        "plamo2",
    }
)
_ATTENTION_EVERY = {"qwen3next": 4, "qwen35": 4, "qwen35moe": 4, "qwen4exp": 4, "minimax-01": 8}
_NEMOTRON = frozenset({"nemotron_h", "nemotron_h_moe"})

_F16 = 2
_F32 = 4


class _Sliding(NamedTuple):
    """Layers with a sliding window: all but every nth; `every` 0 is all, 1 none but what the file lists."""

    every: int
    dense_first: bool = False
    default: int = 0
    fixed: int = 0


_SLIDING = {
    "afmoe": _Sliding(4),
    "cohere2": _Sliding(4),
    "cohere2moe": _Sliding(4, dense_first=True),
    "exaone-moe": _Sliding(4, default=128),
    "exaone4": _Sliding(4, default=4096),
    "gemma2": _Sliding(2, default=4096),
    "gemma3": _Sliding(6),
    "gemma3n": _Sliding(5),
    "gemma4": _Sliding(1),
    "gpt-oss": _Sliding(2),
    "granite_swa": _Sliding(1),
    "laguna": _Sliding(4, dense_first=True),
    "lfm2": _Sliding(0),
    "llama4": _Sliding(4, default=8192, fixed=8192),
    "maple": _Sliding(1),
    "mellum": _Sliding(4),
    "mimo2": _Sliding(1),
    "muse-glimmer": _Sliding(4),
    "olmo2": _Sliding(4),
    "plamo3": _Sliding(8),
    "smallthinker": _Sliding(4, dense_first=True, fixed=4096),
    "spark2_5": _Sliding(1),
    "step35": _Sliding(1),
}
_EXAONE4_LAYERS = 64
"""Of the one EXAONE 4 that has a window."""
_GEMMA3N_OWN_CACHES = 20


@dataclass(frozen=True, slots=True)
class Caches:
    """Bytes of cache; the names mean what they mean in `zoo.lock.model.Facts`."""

    kv_token: int = 0
    kv_window_token: int = 0
    window: int = 0
    state: int = 0


@dataclass(frozen=True, slots=True)
class _Layers:
    """Of each layer: the heads that are cached, whether it is recurrent, whether it sees a window."""

    heads: tuple[int, ...]
    recurrent: tuple[bool, ...]
    windowed: tuple[bool, ...]
    window: int


def caches(hyper: Hyper) -> Caches:
    """Say what a model keeps.

    Raises:
        ZoofileError: A hyperparameter is missing or out of bounds.
    """
    if hyper.architecture in ENCODERS | _DIFFUSION:
        return Caches()
    layers = _layers(hyper)
    whole = window = 0
    for index, heads in enumerate(layers.heads):
        size = _F16 * (heads * _head_size(hyper, windowed=layers.windowed[index]) + _indexer(hyper))
        if layers.recurrent[index] and hyper.architecture != "falcon-h1":
            continue
        if layers.windowed[index]:
            window += size
        else:
            whole += size
    return Caches(
        kv_token=whole,
        kv_window_token=window,
        window=layers.window if window else 0,
        state=sum(layers.recurrent) * _F32 * _state(hyper),
    )


def _layers(hyper: Hyper) -> _Layers:
    every = hyper.required("block_count", most=MAX_LAYERS)
    count = every - min(hyper.get("nextn_predict_layers"), every - 1)
    heads = hyper.layers("attention.head_count", count, (0,) * count)
    kv_heads = hyper.layers("attention.head_count_kv", count, heads)
    own = _own_caches(hyper, every)
    windowed, window = _windowed(hyper, count)
    return _Layers(
        heads=tuple(n if index < own else 0 for index, n in enumerate(kv_heads)),
        recurrent=_recurrent(hyper, count, kv_heads),
        windowed=windowed,
        window=window,
    )


def _own_caches(hyper: Hyper, every: int) -> int:
    """Count the layers from the start that keep a cache of their own; those after share one."""
    if hyper.architecture == "gemma3n":
        return _GEMMA3N_OWN_CACHES
    if hyper.architecture == "gemma4":
        return every - min(hyper.get("attention.shared_kv_layers"), every)
    return every


def _head_size(hyper: Hyper, *, windowed: bool) -> int:
    """Say how many numbers one head keeps for a token, keys and values together."""
    heads = hyper.layers("attention.head_count", 1, (0,))[0]
    if heads == 0:
        return 0
    plain = hyper.get("embedding_length") // heads
    key = hyper.get("attention.key_length", plain)
    value = hyper.get("attention.value_length", plain)
    if windowed:
        key = hyper.get("attention.key_length_swa", key)
        value = hyper.get("attention.value_length_swa", value)
    # Multi-head latent attention keeps one latent vector, from which it makes keys and values.
    latent = hyper.get("attention.key_length_mla") and hyper.get("attention.value_length_mla")
    return key if latent else key + value


def _indexer(hyper: Hyper) -> int:
    return hyper.get("attention.indexer.key_length")


def _windowed(hyper: Hyper, count: int) -> tuple[tuple[bool, ...], int]:
    sliding = _SLIDING.get(hyper.architecture)
    none = ((False,) * count, 0)
    if sliding is None or (hyper.architecture == "exaone4" and count != _EXAONE4_LAYERS):
        return none
    window = hyper.get("attention.sliding_window", sliding.default, most=MAX_TOKENS)
    if window == 0:
        return none
    listed = hyper.header.numbers(f"{hyper.architecture}.attention.sliding_window_pattern")
    if listed is not None:
        pattern = (*map(bool, listed[:count]), *((False,) * (count - len(listed))))
    else:
        pattern = _pattern(hyper.get("attention.sliding_window_pattern", sliding.every), count, sliding)
    return pattern, sliding.fixed or window


def _pattern(every: int, count: int, sliding: _Sliding) -> tuple[bool, ...]:
    """As llama_hparams::set_swa_pattern."""
    dense = 0 if sliding.dense_first else every - 1
    return tuple(every == 0 or layer % every != dense for layer in range(count))


def _recurrent(hyper: Hyper, count: int, kv_heads: tuple[int, ...]) -> tuple[bool, ...]:
    architecture = hyper.architecture
    if architecture in _RECURRENT or architecture == "falcon-h1":
        return (True,) * count
    if architecture in _RECURRENT_WITHOUT_HEADS:
        return tuple(heads == 0 for heads in kv_heads)
    if architecture in _NEMOTRON:
        forward = hyper.layers("feed_forward_length", count, (0,) * count)
        return tuple(heads == 0 and size == 0 for heads, size in zip(kv_heads, forward, strict=True))
    if architecture in _ATTENTION_EVERY:
        every = max(hyper.get("full_attention_interval", _ATTENTION_EVERY[architecture]), 1)
        default = tuple(int((layer + 1) % every != 0) for layer in range(count))
        return tuple(map(bool, hyper.layers("attention.recurrent_layers", count, default)))
    return (False,) * count


def _state(hyper: Hyper) -> int:
    """Count the numbers of state a slot keeps in one recurrent layer: n_embd_r and n_embd_s."""
    width = hyper.get("embedding_length")
    heads = hyper.layers("attention.head_count", 1, (0,))[0]
    if wkv := hyper.get("wkv.head_size"):
        return hyper.get("token_shift_count", 2) * width + width * wkv
    if shortconv := hyper.get("shortconv.l_cache"):
        return width * (shortconv - 1)
    if kda := hyper.get("kda.head_dim"):
        return 3 * (hyper.get("ssm.conv_kernel", 4) - 1) * heads * kda + kda * kda * heads
    if hyper.architecture == "minimax-01":
        key = hyper.get("attention.key_length", width // max(heads, 1))
        return key * key * heads
    inner, state = hyper.get("ssm.inner_size"), hyper.get("ssm.state_size")
    groups = hyper.get("ssm.group_count")
    convolution = max(hyper.get("ssm.conv_kernel") - 1, 0) * (inner + 2 * groups * state)
    return convolution + state * inner

"""What a GGUF header says of a model, as the lock keeps it."""

from __future__ import annotations

import re
from collections import Counter

from zoo.errors import ZoofileError
from zoo.lock.model import Facts
from zoo.resolve.caches import ENCODERS, caches
from zoo.resolve.ggml import FILE_TYPES, GUESSED, TENSOR_TYPES
from zoo.resolve.gguf import Header
from zoo.resolve.hyper import MAX_LAYERS, MAX_TOKENS, Hyper
from zoo.zoofile.model import Sampling, Task

BATCH = 512
"""Tokens that are evaluated at a time where `overhead` is told."""

_PROCESS = 32 << 20
"""Bytes of an engine without a model: its code, its threads, its HTTP server."""
_ABSURD = 1 << 48
_MASKED = 32768
"""Tokens of context that the attention mask is told for."""
_F32, _F16 = 4, 2
_ARCHITECTURE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._()-]{0,63}")
_POOLING_NONE, _POOLING_RANK = 0, 4
_MOSTLY_EMBEDDING = frozenset({"llama-embed", "t5encoder"})


def facts(
    header: Header,
    name: str,
    *,
    mmproj: bool = False,
    task: Task | None = None,
    sampling: Sampling | None = None,
) -> Facts:
    """Say what the lock keeps of a model.

    Args:
        header: Of its weights; of the first shard, where there are several.
        name: What messages call the file.
        mmproj: Whether a projector is locked with it.
        task: The catalogue's, if it is in there.
        sampling: The catalogue's, if it is in there.

    Raises:
        ZoofileError: llama.cpp could not load such a model, or a number in it is absurd.
    """
    architecture = _architecture(header, name)
    hyper = Hyper(header, architecture, name)
    kept = caches(hyper)
    pooling = hyper.get("pooling_type")
    embedding = _embeds(architecture, pooling)
    context = hyper.required("context_length", most=MAX_TOKENS)
    overhead = _overhead(hyper, context, embedding=embedding)
    if max(kept.kv_token, kept.kv_window_token, kept.state, overhead) > _ABSURD:
        raise ZoofileError(
            f"{name} would need more memory than any machine has", hint="name another file of the same model"
        )
    return Facts(
        architecture=architecture,
        quantisation=quantisation(header),
        context_length=context,
        embedding=embedding,
        chat_template=bool(header.text("tokenizer.chat_template")),
        mmproj=mmproj,
        kv_token=kept.kv_token,
        kv_window_token=kept.kv_window_token,
        window=kept.window,
        state=kept.state,
        overhead=overhead,
        task=task or ("rerank" if pooling == _POOLING_RANK else None),
        sampling=sampling or Sampling(),
    )


def _architecture(header: Header, name: str) -> str:
    architecture = header.text("general.architecture") or ""
    if _ARCHITECTURE.fullmatch(architecture) is None:
        raise ZoofileError(
            f"{name} names no architecture, so no engine could load it",
            hint="name a model converted for llama.cpp",
        )
    return architecture


def quantisation(header: Header) -> str:
    """Name the file type: what the header says, else the type that most of the weights have."""
    declared = header.number("general.file_type")
    if declared is not None and (name := FILE_TYPES.get(declared & ~GUESSED)) is not None:
        return name
    weights: Counter[int] = Counter()
    for tensor in header.tensors:
        weights[tensor.type] += tensor.elements
    if not weights:
        return "unknown"
    most = max(weights, key=lambda kind: (weights[kind], -kind))
    return TENSOR_TYPES[most].name if most in TENSOR_TYPES else "unknown"


def _embeds(architecture: str, pooling: int) -> bool:
    if architecture in ENCODERS | _MOSTLY_EMBEDDING:
        return True
    return pooling not in {_POOLING_NONE, _POOLING_RANK}


def _overhead(hyper: Hyper, context: int, *, embedding: bool) -> int:
    """Estimate compute buffers from above: what the largest layer holds at once, for a batch of tokens.

    Measured at llama.cpp b11549 on models of 256 to 1024 numbers a token: three times the feed-forward
    length and six times the embedding length in f32, and an f16 mask of the context. An embedding model
    has logits for every token, others for the last one only.
    """
    width = hyper.get("embedding_length")
    count = max(hyper.get("block_count", most=MAX_LAYERS), 1)
    forward = max(hyper.layers("feed_forward_length", count, (0,)))
    experts = max(hyper.layers("expert_used_count", count, (0,)))
    expert = max(hyper.layers("expert_feed_forward_length", count, (forward,)))
    heads = max(hyper.layers("attention.head_count", count, (0,)))
    attention = heads * hyper.get("attention.key_length")
    token = 3 * max(forward, experts * expert) + 6 * max(width, attention)
    logits = hyper.header.count("tokenizer.ggml.tokens")
    if embedding and hyper.architecture not in ENCODERS:
        token += logits
    mask = _F16 * min(context, _MASKED)
    return _PROCESS + BATCH * (_F32 * token + mask) + 2 * _F32 * logits

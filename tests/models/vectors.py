"""Makes tiny real BERT models whose vectors mean something: words of one subject lie near each other.

Attention sees all words alike and hands on what they are, so a text's vector is the mean of its words'.
With a rank head it is a reranker that prefers texts about animals.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import gguf
import numpy as np
import numpy.typing as npt

WIDTH, HEADS, FEED_FORWARD, CONTEXT = 32, 2, 64, 512
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
SUBJECTS = {
    "animals": ("cat", "kitten", "dog", "puppy", "mouse"),
    "money": ("stock", "market", "bank", "price", "shares"),
    "others": ("a", "the", "on", "of", "and", "sat", "fell", "x"),
}

Matrix = npt.NDArray[np.float32]


def write_vectors(path: Path, *, rank: bool = False) -> Path:
    """Write an embedding model that pools by the mean, or a reranker."""
    writer = gguf.GGUFWriter(path, "bert")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_block_count(1)
    writer.add_head_count(HEADS)
    writer.add_layer_norm_eps(1e-12)
    writer.add_causal_attention(value=False)
    writer.add_pooling_type(gguf.PoolingType.RANK if rank else gguf.PoolingType.MEAN)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    _vocabulary(writer)
    for name, tensor in _tensors(rank=rank):
        writer.add_tensor(name, np.ascontiguousarray(tensor, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _vocabulary(writer: gguf.GGUFWriter) -> None:
    words = [f"\u2581{word}" for subject in SUBJECTS.values() for word in subject]
    kinds = [gguf.TokenType.CONTROL] * len(SPECIAL) + [gguf.TokenType.NORMAL] * len(words)
    writer.add_token_type_count(2)
    writer.add_tokenizer_model("bert")
    writer.add_tokenizer_pre("jina-v2-en")
    writer.add_token_list([*SPECIAL, *words])
    writer.add_token_types(kinds)
    pad, unknown, begins, ends, mask = range(len(SPECIAL))
    writer.add_pad_token_id(pad)
    writer.add_unk_token_id(unknown)
    writer.add_bos_token_id(begins)
    writer.add_uint32("tokenizer.ggml.cls_token_id", begins)
    writer.add_sep_token_id(ends)
    writer.add_eos_token_id(ends)
    writer.add_mask_token_id(mask)


def _tensors(*, rank: bool) -> Iterator[tuple[str, Matrix]]:
    random = np.random.default_rng(2)
    *subjects, begins = np.linalg.qr(random.standard_normal((WIDTH, WIDTH)))[0][: len(SUBJECTS) + 1]
    strength = {"animals": 4.0, "money": 4.0, "others": 0.2}
    rows = [4.0 * begins if name == "[CLS]" else np.zeros(WIDTH) for name in SPECIAL]
    for subject, (name, words) in zip(subjects, SUBJECTS.items(), strict=True):
        rows += [strength[name] * subject + 0.1 * random.standard_normal(WIDTH) for _ in words]
    nothing, same = np.zeros((WIDTH, WIDTH)), np.eye(WIDTH)
    yield "token_embd.weight", np.array(rows, np.float32)
    yield "position_embd.weight", np.zeros((CONTEXT, WIDTH), np.float32)
    yield "token_types.weight", np.zeros((2, WIDTH), np.float32)
    yield from _biased("token_embd_norm", np.ones(WIDTH))
    for name, weight in (("attn_q", nothing), ("attn_k", nothing), ("attn_v", same), ("attn_output", same)):
        yield from _biased(f"blk.0.{name}", weight)
    yield from _biased("blk.0.attn_output_norm", np.ones(WIDTH))
    yield from _biased("blk.0.ffn_up", np.zeros((FEED_FORWARD, WIDTH)))
    yield from _biased("blk.0.ffn_down", np.zeros((WIDTH, FEED_FORWARD)))
    yield from _biased("blk.0.layer_output_norm", np.ones(WIDTH))
    if rank:
        yield from _biased("cls.output", subjects[0][np.newaxis])


def _biased(name: str, weight: npt.NDArray[np.float64]) -> Iterator[tuple[str, Matrix]]:
    yield f"{name}.weight", weight.astype(np.float32)
    yield f"{name}.bias", np.zeros(len(weight), np.float32)

"""Makes models of many architectures that say nothing: all zeros, but of a shape that llama.cpp loads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import gguf
import numpy as np

VOCABULARY = 300
WIDTH, HEADS, KV_HEADS, FEED_FORWARD, CONTEXT = 64, 4, 2, 128, 4096
INNER, STATE, KERNEL, RANK = 128, 16, 4, 8
CACHED_CONVOLUTION = 3
WINDOW = 512

Shapes = Iterator[tuple[str, tuple[int, ...]]]


def write_shape(path: Path, architecture: str, *, blocks: int = 6) -> Path:
    """Write a model of an architecture of `ARCHITECTURES`."""
    describe, tensors = ARCHITECTURES[architecture]
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(blocks)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    describe(writer, blocks)
    add_vocabulary(writer, VOCABULARY)
    writer.add_tensor("token_embd.weight", np.zeros((VOCABULARY, WIDTH), np.float32))
    for name, shape in tensors(blocks):
        writer.add_tensor(name, np.zeros(shape, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def add_vocabulary(writer: gguf.GGUFWriter, size: int) -> None:
    """Add a byte-level vocabulary: one token a byte, the rest never made."""
    visible = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = [chr(code) for code in visible] + [chr(256 + index) for index in range(256 - len(visible))]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(letters + [f"<{index}>" for index in range(size - len(letters))])
    writer.add_token_types([1] * size)
    writer.add_token_merges([f"{letters[0]} {letters[1]}"])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(0)


def _heads(writer: gguf.GGUFWriter, blocks: int) -> None:
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)


def _sliding(writer: gguf.GGUFWriter, blocks: int) -> None:
    _heads(writer, blocks)
    writer.add_sliding_window(WINDOW)


def _cohere2(writer: gguf.GGUFWriter, blocks: int) -> None:
    _sliding(writer, blocks)
    writer.add_layer_norm_eps(1e-5)
    writer.add_logit_scale(1.0)


def _mamba(writer: gguf.GGUFWriter, blocks: int) -> None:
    writer.add_head_count(0)
    writer.add_ssm_conv_kernel(KERNEL)
    writer.add_ssm_inner_size(INNER)
    writer.add_ssm_state_size(STATE)
    writer.add_ssm_time_step_rank(RANK)


def _lfm2(writer: gguf.GGUFWriter, blocks: int) -> None:
    writer.add_head_count(HEADS)
    writer.add_head_count_kv([KV_HEADS if index % 3 == 2 else 0 for index in range(blocks)])
    writer.add_shortconv_l_cache(CACHED_CONVOLUTION)


def _deepseek2(writer: gguf.GGUFWriter, blocks: int) -> None:
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(1)
    writer.add_key_length(32 + 8)
    writer.add_value_length(32)
    writer.add_key_length_mla(16 + 8)
    writer.add_value_length_mla(16)
    writer.add_q_lora_rank(16)
    writer.add_kv_lora_rank(32)
    writer.add_rope_dimension_count(8)
    writer.add_leading_dense_block_count(blocks)
    writer.add_expert_feed_forward_length(FEED_FORWARD)
    writer.add_expert_shared_count(1)
    writer.add_vocab_size(VOCABULARY)


def _bert(writer: gguf.GGUFWriter, blocks: int) -> None:
    writer.add_head_count(HEADS)
    writer.add_layer_norm_eps(1e-5)
    writer.add_causal_attention(value=False)
    writer.add_pooling_type(gguf.PoolingType.MEAN)
    writer.add_token_type_count(2)


def _attention(block: str, *, normed: bool = False) -> Shapes:
    head = WIDTH // HEADS
    yield f"{block}attn_q.weight", (WIDTH, WIDTH)
    yield f"{block}attn_k.weight", (head * KV_HEADS, WIDTH)
    yield f"{block}attn_v.weight", (head * KV_HEADS, WIDTH)
    yield f"{block}attn_output.weight", (WIDTH, WIDTH)
    if normed:
        yield f"{block}attn_q_norm.weight", (head,)
        yield f"{block}attn_k_norm.weight", (head,)


def _forward(block: str) -> Shapes:
    yield f"{block}ffn_gate.weight", (FEED_FORWARD, WIDTH)
    yield f"{block}ffn_up.weight", (FEED_FORWARD, WIDTH)
    yield f"{block}ffn_down.weight", (WIDTH, FEED_FORWARD)


def _norms(block: str, *names: str) -> Shapes:
    for name in names:
        yield f"{block}{name}.weight", (WIDTH,)


def _llama_tensors(blocks: int) -> Shapes:
    yield "output_norm.weight", (WIDTH,)
    for block in _blocks(blocks):
        yield from _norms(block, "attn_norm", "ffn_norm")
        yield from _attention(block)
        yield from _forward(block)


def _gemma2_tensors(blocks: int) -> Shapes:
    yield from _gemma(blocks, normed=False)


def _gemma3_tensors(blocks: int) -> Shapes:
    yield from _gemma(blocks, normed=True)


def _gemma(blocks: int, *, normed: bool) -> Shapes:
    yield "output_norm.weight", (WIDTH,)
    for block in _blocks(blocks):
        yield from _norms(block, "attn_norm", "ffn_norm", "post_attention_norm", "post_ffw_norm")
        yield from _attention(block, normed=normed)
        yield from _forward(block)


def _cohere2_tensors(blocks: int) -> Shapes:
    yield "output_norm.weight", (WIDTH,)
    for block in _blocks(blocks):
        yield from _norms(block, "attn_norm")
        yield from _attention(block)
        yield from _forward(block)


def _mamba_tensors(blocks: int) -> Shapes:
    yield "output_norm.weight", (WIDTH,)
    for block in _blocks(blocks):
        yield from _norms(block, "attn_norm")
        yield f"{block}ssm_in.weight", (2 * INNER, WIDTH)
        yield f"{block}ssm_conv1d.weight", (INNER, KERNEL)
        yield f"{block}ssm_conv1d.bias", (INNER,)
        yield f"{block}ssm_x.weight", (RANK + 2 * STATE, INNER)
        yield f"{block}ssm_dt.weight", (INNER, RANK)
        yield f"{block}ssm_dt.bias", (INNER,)
        yield f"{block}ssm_a", (INNER, STATE)
        yield f"{block}ssm_d", (INNER,)
        yield f"{block}ssm_out.weight", (WIDTH, INNER)


def _lfm2_tensors(blocks: int) -> Shapes:
    yield "token_embd_norm.weight", (WIDTH,)
    for index, block in enumerate(_blocks(blocks)):
        yield from _norms(block, "attn_norm", "ffn_norm")
        yield from _forward(block)
        if index % 3 == 2:
            yield from _attention(block, normed=True)
        else:
            yield f"{block}shortconv.conv.weight", (WIDTH, CACHED_CONVOLUTION)
            yield f"{block}shortconv.in_proj.weight", (3 * WIDTH, WIDTH)
            yield f"{block}shortconv.out_proj.weight", (WIDTH, WIDTH)


def _deepseek2_tensors(blocks: int) -> Shapes:
    yield "output_norm.weight", (WIDTH,)
    yield "output.weight", (VOCABULARY, WIDTH)
    for block in _blocks(blocks):
        yield from _norms(block, "attn_norm", "ffn_norm")
        yield f"{block}attn_q_a.weight", (16, WIDTH)
        yield f"{block}attn_q_a_norm.weight", (16,)
        yield f"{block}attn_q_b.weight", (HEADS * 24, 16)
        yield f"{block}attn_kv_a_mqa.weight", (40, WIDTH)
        yield f"{block}attn_kv_a_norm.weight", (32,)
        yield f"{block}attn_k_b.weight", (HEADS, 32, 16)
        yield f"{block}attn_v_b.weight", (HEADS, 16, 32)
        yield f"{block}attn_output.weight", (WIDTH, HEADS * 16)
        yield from _forward(block)


def _bert_tensors(blocks: int) -> Shapes:
    yield "position_embd.weight", (CONTEXT, WIDTH)
    yield "token_types.weight", (2, WIDTH)
    yield from _biased("token_embd_norm", WIDTH)
    for block in _blocks(blocks):
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            yield from _biased(f"{block}{name}", WIDTH, WIDTH)
        yield from _biased(f"{block}attn_output_norm", WIDTH)
        yield from _biased(f"{block}ffn_up", FEED_FORWARD, WIDTH)
        yield from _biased(f"{block}ffn_down", WIDTH, FEED_FORWARD)
        yield from _biased(f"{block}layer_output_norm", WIDTH)


def _biased(name: str, *shape: int) -> Shapes:
    yield f"{name}.weight", shape
    yield f"{name}.bias", shape[:1]


def _blocks(count: int) -> list[str]:
    return [f"blk.{index}." for index in range(count)]


ARCHITECTURES: dict[str, tuple[Callable[[gguf.GGUFWriter, int], None], Callable[[int], Shapes]]] = {
    "bert": (_bert, _bert_tensors),
    "llama": (_heads, _llama_tensors),
    "gemma2": (_sliding, _gemma2_tensors),
    "gemma3": (_sliding, _gemma3_tensors),
    "cohere2": (_cohere2, _cohere2_tensors),
    "mamba": (_mamba, _mamba_tensors),
    "lfm2": (_lfm2, _lfm2_tensors),
    "deepseek2": (_deepseek2, _deepseek2_tensors),
}

"""Makes a tiny projector that lets models of `models.chat` see: of gemma3's shape, with random weights."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import gguf
import numpy as np
import numpy.typing as npt

WIDTH, HEADS, FEED_FORWARD = 32, 2, 64
IMAGE, PATCH, MERGED = 56, 14, 2  # 4 x 4 patches, of which 2 x 2 become one token: 4 tokens an image
TEXT = 64

Weights = npt.NDArray[np.float32]


def write_projector(path: Path, *, text: int = TEXT) -> Path:
    """Write it for a model whose embeddings have this width."""
    writer = gguf.GGUFWriter(path, "clip")
    writer.add_type("mmproj")
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_clip_has_vision_encoder(value=True)
    writer.add_clip_projector_type("gemma3")
    writer.add_vision_projection_dim(text)
    writer.add_vision_image_size(IMAGE)
    writer.add_vision_patch_size(PATCH)
    writer.add_vision_embedding_length(WIDTH)
    writer.add_vision_feed_forward_length(FEED_FORWARD)
    writer.add_vision_block_count(1)
    writer.add_vision_head_count(HEADS)
    writer.add_vision_attention_layernorm_eps(1e-6)
    writer.add_vision_image_mean([0.5, 0.5, 0.5])
    writer.add_vision_image_std([0.5, 0.5, 0.5])
    writer.add_vision_use_gelu(value=True)
    writer.add_uint32("clip.vision.projector.scale_factor", MERGED)
    for name, tensor in _tensors(text):
        writer.add_tensor(name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _tensors(text: int) -> Iterator[tuple[str, Weights]]:
    random = np.random.default_rng(1)

    def drawn(*shape: int) -> Weights:
        return (random.standard_normal(shape) * 0.05).astype(np.float32)

    def biased(name: str, weight: Weights) -> Iterator[tuple[str, Weights]]:
        yield f"{name}.weight", weight
        yield f"{name}.bias", np.zeros(len(weight), np.float32)

    yield from biased("v.patch_embd", drawn(WIDTH, 3, PATCH, PATCH))
    yield "v.position_embd.weight", drawn((IMAGE // PATCH) ** 2, WIDTH)
    for name in ("q", "k", "v", "out"):
        yield from biased(f"v.blk.0.attn_{name}", drawn(WIDTH, WIDTH))
    for name in ("blk.0.ln1", "blk.0.ln2", "post_ln"):
        yield from biased(f"v.{name}", np.ones(WIDTH, np.float32))
    yield from biased("v.blk.0.ffn_up", drawn(FEED_FORWARD, WIDTH))
    yield from biased("v.blk.0.ffn_down", drawn(WIDTH, FEED_FORWARD))
    yield "mm.input_projection.weight", drawn(WIDTH, text)
    yield "mm.soft_emb_norm.weight", np.ones(WIDTH, np.float32)

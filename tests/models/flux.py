"""Makes a tiny image model of FLUX's shape, with random weights: what it draws is noise, but its own noise.

stable-diffusion.cpp reads the sizes of FLUX off its tensors, so that one block of each kind and one head are
enough. The shape of CLIP-L is written into it: that file is all zeros, of which a compressed disk keeps none;
what it makes of a prompt depends on the prompt's length alone.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np
from numpy.typing import NDArray

HIDDEN, TEXT, POOLED, TIME, PATCH = 128, 4096, 768, 256, 64  # one head: the rotary axes fix its size
LATENT, CHANNELS = 16, 64  # of TAESD
RANK = 4
VOCABULARY, POSITIONS, WIDTH, INNER, LAYERS = 49408, 77, 768, 3072, 12  # of CLIP-L

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Flux:
    """The files of the model; `lora` is an adapter for it."""

    model: Path
    clip: Path
    taesd: Path
    lora: Path


def write_flux(folder: Path) -> Flux:
    """Write all of it into a folder."""
    return Flux(
        model=write_diffusion(folder / "flux-tiny.gguf"),
        clip=write_clip(folder / "clip_l-tiny.gguf"),
        taesd=write_taesd(folder / "taef1-tiny.safetensors"),
        lora=write_lora(folder / "dots.safetensors"),
    )


def write_diffusion(path: Path) -> Path:
    """Write the diffusion model: FLUX schnell, with one block of each kind."""
    writer = gguf.GGUFWriter(path, "flux")
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    for name, tensor in _diffusion(np.random.default_rng(0)).items():
        writer.add_tensor(name, tensor.astype(np.float16) if tensor.ndim == 2 else tensor)
    return _written(writer, path)


def _diffusion(random: np.random.Generator) -> dict[str, Array]:
    linear = {
        "img_in": (HIDDEN, PATCH),
        "time_in.in_layer": (HIDDEN, TIME),
        "time_in.out_layer": (HIDDEN, HIDDEN),
        "vector_in.in_layer": (HIDDEN, POOLED),
        "vector_in.out_layer": (HIDDEN, HIDDEN),
        "txt_in": (HIDDEN, TEXT),
        "single_blocks.0.linear1": (7 * HIDDEN, HIDDEN),
        "single_blocks.0.linear2": (HIDDEN, 5 * HIDDEN),
        "single_blocks.0.modulation.lin": (3 * HIDDEN, HIDDEN),
        "final_layer.linear": (PATCH, HIDDEN),
        "final_layer.adaLN_modulation.1": (2 * HIDDEN, HIDDEN),
    }
    norms = ["single_blocks.0.norm"]
    for stream in ("double_blocks.0.img", "double_blocks.0.txt"):
        norms.append(f"{stream}_attn.norm")
        linear[f"{stream}_mod.lin"] = (6 * HIDDEN, HIDDEN)
        linear[f"{stream}_attn.qkv"] = (3 * HIDDEN, HIDDEN)
        linear[f"{stream}_attn.proj"] = (HIDDEN, HIDDEN)
        linear[f"{stream}_mlp.0"] = (4 * HIDDEN, HIDDEN)
        linear[f"{stream}_mlp.2"] = (HIDDEN, 4 * HIDDEN)
    tensors: dict[str, Array] = {}
    for name, (rows, columns) in linear.items():
        tensors[f"{name}.weight"] = _normal(random, rows, columns)
        tensors[f"{name}.bias"] = np.zeros(rows, np.float32)
    for name in norms:
        tensors |= {f"{name}.{which}_norm.scale": np.ones(HIDDEN, np.float32) for which in ("query", "key")}
    return tensors


def write_taesd(path: Path) -> Path:
    """Write the small autoencoder: what makes pixels of latents, and latents of pixels."""
    random = np.random.default_rng(1)
    tensors: dict[str, Array] = {}

    def convolution(name: str, inputs: int, outputs: int, *, bias: bool = True) -> None:
        tensors[f"{name}.weight"] = _normal(random, outputs, inputs, 3, 3)
        if bias:
            tensors[f"{name}.bias"] = np.zeros(outputs, np.float32)

    def block(name: str) -> None:
        for at in (0, 2, 4):
            convolution(f"{name}.conv.{at}", CHANNELS, CHANNELS)

    convolution("decoder.layers.0", LATENT, CHANNELS)
    at = 2
    for _ in range(3):  # three blocks, what doubles the size, and a convolution, three times over
        for each in range(at, at + 3):
            block(f"decoder.layers.{each}")
        convolution(f"decoder.layers.{at + 4}", CHANNELS, CHANNELS, bias=False)
        at += 5
    block(f"decoder.layers.{at}")
    convolution(f"decoder.layers.{at + 1}", CHANNELS, 3)
    convolution("encoder.layers.0", 3, CHANNELS)
    block("encoder.layers.1")
    at = 2
    for _ in range(3):
        convolution(f"encoder.layers.{at}", CHANNELS, CHANNELS, bias=False)
        for each in range(at + 1, at + 4):
            block(f"encoder.layers.{each}")
        at += 4
    convolution(f"encoder.layers.{at}", CHANNELS, LATENT)
    return write_safetensors(path, tensors)


def write_lora(path: Path) -> Path:
    """Write an adapter that changes every picture."""
    random = np.random.default_rng(2)
    tensors: dict[str, Array] = {}
    for name, rows, columns in (
        ("double_blocks.0.img_attn.qkv", 3 * HIDDEN, HIDDEN),
        ("single_blocks.0.linear1", 7 * HIDDEN, HIDDEN),
        ("final_layer.linear", PATCH, HIDDEN),
    ):
        tensors[f"diffusion_model.{name}.lora_A.weight"] = _normal(random, RANK, columns)
        tensors[f"diffusion_model.{name}.lora_B.weight"] = _normal(random, rows, RANK) * RANK**0.5
    return write_safetensors(path, tensors)


def write_clip(path: Path) -> Path:
    """Write CLIP-L: all zeros, in four bits, but for what tells one position from the next."""
    writer = gguf.GGUFWriter(path, "clip_l")
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q4_0)

    def zeros(name: str, rows: int, columns: int) -> None:
        blocks = np.zeros((rows, columns // 32 * 18), np.uint8)
        writer.add_tensor(name, blocks, raw_dtype=gguf.GGMLQuantizationType.Q4_0)

    def vector(name: str, length: int, value: float = 0.0) -> None:
        writer.add_tensor(name, np.full(length, value, np.float32))

    def norm(name: str) -> None:
        vector(f"{name}.weight", WIDTH, 1.0)
        vector(f"{name}.bias", WIDTH)

    positions = np.random.default_rng(3).standard_normal((POSITIONS, WIDTH)).astype(np.float32)
    writer.add_tensor("text_model.embeddings.position_embedding.weight", positions)
    zeros("text_model.embeddings.token_embedding.weight", VOCABULARY, WIDTH)
    norm("text_model.final_layer_norm")
    for layer in range(LAYERS):
        here = f"text_model.encoder.layers.{layer}"
        shapes = {f"self_attn.{which}_proj": (WIDTH, WIDTH) for which in ("q", "k", "v", "out")}
        for name, (rows, columns) in {**shapes, "mlp.fc1": (INNER, WIDTH), "mlp.fc2": (WIDTH, INNER)}.items():
            zeros(f"{here}.{name}.weight", rows, columns)
            vector(f"{here}.{name}.bias", rows)
        norm(f"{here}.layer_norm1")
        norm(f"{here}.layer_norm2")
    return _written(writer, path)


def write_safetensors(path: Path, tensors: dict[str, Array]) -> Path:
    """Write tensors in the other format."""
    header, body = {}, b""
    for name, tensor in tensors.items():
        data = np.ascontiguousarray(tensor, np.float32).tobytes()
        where = [len(body), len(body) + len(data)]
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": where}
        body += data
    told = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(told)) + told + body)
    return path


def _normal(random: np.random.Generator, rows: int, *columns: int) -> Array:
    """Noise that keeps about the size of what it is multiplied with."""
    noise = random.standard_normal((rows, *columns)) * float(np.prod(columns)) ** -0.5
    return noise.astype(np.float32)


def _written(writer: gguf.GGUFWriter, path: Path) -> Path:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path

"""Looks into the files of a model that draws: GGUF or safetensors, never a pickle, which can run code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from zoo.errors import ZoofileError
from zoo.lock.model import PART_ROLES, Facts
from zoo.resolve import gguf, safetensors
from zoo.resolve.cursor import RangeReader
from zoo.resolve.facts import quantisation
from zoo.resolve.pins import Pinned
from zoo.resolve.sighted import Role

Open = Callable[[Pinned], AbstractContextManager[RangeReader]]

OVERHEAD = 256 << 20
"""Bytes of an engine beside weights and pictures: its code, and what it encodes a prompt with."""

PIXEL = 8192
"""Bytes that a pixel takes at most while a picture is made.

Measured with stable-diffusion.cpp: decoding by the VAE of SD and FLUX holds 6,656 bytes a pixel, and
FLUX itself, which is done by then, some 3,000.
"""

PIXEL_TAESD = 4096
"""The same where TAESD decodes, which holds 1,921 bytes a pixel, less than FLUX itself."""

_WHOLE = ("model.diffusion_model.", "first_stage_model.", "cond_stage_model.", "conditioner.embedders.")
_LANGUAGE = ("blk.0.", "token_embd.weight", "model.layers.0.self_attn.")

# Parts of tensors' names by which stable-diffusion.cpp tells families apart; the first that fits counts.
_FAMILIES = (
    ("chroma", "distilled_guidance_layer."),
    ("flux2", "double_stream_modulation_img."),
    ("flux", "guidance_in."),
    ("flux-schnell", "double_blocks.0."),
    ("sd3", "joint_blocks.0."),
    ("qwen-image", "transformer_blocks.0.img_mod."),
    ("z-image", "cap_embedder."),
    ("unet", "input_blocks."),
    ("unet", "down_blocks."),
)


@dataclass(frozen=True, slots=True)
class Weights:
    """What a file of weights holds.

    Attributes:
        architecture: That its header names.
        quantisation: The type of most of its numbers.
        tensors: Their names.
    """

    architecture: str | None
    quantisation: str
    tensors: tuple[str, ...]


def look(pinned: tuple[Pinned, ...], opened: Open) -> Facts:
    """Say what the lock keeps of a model that draws.

    Args:
        pinned: Its files.
        opened: Opens one of them.

    Raises:
        ZoofileError: A file is not what it was named as, or no engine could load it.
        SourceError: A file cannot be read.
    """
    roles: dict[Role, list[Pinned]] = {}
    for each in pinned:
        roles.setdefault(each.role, []).append(each)
    [weights, *more] = roles["weights"]
    if more or "mmproj" in roles:
        raise ZoofileError(
            f"{len(pinned)} files were found where one diffusion model was named", hint="name one with `file`"
        )
    own = _weights(weights, opened)
    _require_diffusion(own, weights.file.path)
    for role in PART_ROLES:
        for part in roles.get(role, ()):
            _weights(part, opened)
    for adapter in roles.get("lora", ()):
        _require_adapter(_weights(adapter, opened), adapter.file.path)
    return Facts(
        architecture=_family(own),
        quantisation=own.quantisation,
        context_length=0,
        embedding=False,
        chat_template=False,
        mmproj=False,
        kv_token=0,
        overhead=OVERHEAD,
        pixel=PIXEL_TAESD if "taesd" in roles else PIXEL,
        whole=any(name.startswith(_WHOLE) for name in own.tensors),
    )


def _weights(pinned: Pinned, opened: Open) -> Weights:
    """Read a file's header, of either kind."""
    name = pinned.file.path
    with opened(pinned) as reader:
        begin = reader.read(0, 9)
        if begin.startswith(gguf.MAGIC):
            header = gguf.read(reader, name)
            names = tuple(tensor.name for tensor in header.tensors)
            return Weights(header.text("general.architecture"), quantisation(header), names)
        if safetensors.looks_like(begin):
            tensors = safetensors.read(reader, name)
            return Weights(None, _most(tensors), tuple(tensor.name for tensor in tensors))
    raise ZoofileError(
        f"{name} is neither a GGUF nor a safetensors file: it begins with {begin.decode('latin-1')!a}",
        hint="name a file ending in .gguf or .safetensors; pickled checkpoints (.ckpt, .pt) could run code",
    )


def _most(tensors: tuple[safetensors.Tensor, ...]) -> str:
    """The type of most of the numbers."""
    counts: Counter[str] = Counter()
    for tensor in tensors:
        counts[tensor.type] += tensor.elements
    return max(counts, key=lambda kind: (counts[kind], kind)) if counts else "unknown"


def _require_diffusion(weights: Weights, name: str) -> None:
    if not weights.tensors:
        raise ZoofileError(f"{name} holds no weights", hint="name the file of the diffusion model")
    if any(tensor.startswith(_LANGUAGE) for tensor in weights.tensors):
        raise ZoofileError(
            f"{name} is a language model, not a diffusion model",
            hint="leave out `task`, `parts` and `image`, or name it as `llm` in `parts` of another model",
        )
    if all(_is_adapter(tensor) for tensor in weights.tensors):
        raise ZoofileError(
            f"{name} is a LoRA adapter, not a diffusion model",
            hint="name it in `lora` of the model that it was made for",
        )


def _require_adapter(weights: Weights, name: str) -> None:
    if not any(_is_adapter(tensor) for tensor in weights.tensors):
        raise ZoofileError(
            f"{name} is no LoRA adapter: none of its tensors is named so",
            hint="name an adapter that was made for this model",
        )


def _is_adapter(tensor: str) -> bool:
    return "lora" in tensor.lower() or tensor.lower().endswith((".alpha", ".dora_scale", ".diff", ".diff_b"))


def _family(weights: Weights) -> str:
    for family, marker in _FAMILIES:
        if any(marker in tensor for tensor in weights.tensors):
            return family
    return weights.architecture or "diffusion"

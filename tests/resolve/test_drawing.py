"""Models that draw: what is locked of them, and what is refused, by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import gguf
import numpy as np
import pytest
from models.flux import write_diffusion, write_lora, write_safetensors
from support.locking import LION, REPO, Bench, only
from support.shelf import digest_of

from zoo.errors import EaiError

FLUX = f'[models.flux]\nhf = "{REPO}"\nfile = "flux.gguf"\n'
CLIP = 'parts.clip-l = { path = "clip.safetensors" }\n'
TAESD = 'parts.taesd = { hf = "zoo/tiny", file = "taesd.safetensors" }\n'
PICKLE = b"PK\x03\x04" + bytes(60)


@pytest.fixture
def studio(bench: Bench, tmp_path: Path) -> Bench:
    """Add the parts of a model that draws, on two repositories and on the disk."""
    flux = write_diffusion(tmp_path / "flux.gguf").read_bytes()
    lora = write_lora(tmp_path / "lora.safetensors").read_bytes()
    plain = write_safetensors(tmp_path / "x.safetensors", {"w": np.ones((2, 3), np.float32)}).read_bytes()
    whole = {"model.diffusion_model.input_blocks.0.0.weight": np.ones(8, np.float32)}
    checkpoint = write_safetensors(tmp_path / "sd.safetensors", whole).read_bytes()
    bench.hub.files[REPO] |= {"flux.gguf": flux, "sd.safetensors": checkpoint, "sd.ckpt": PICKLE}
    bench.hub.files["zoo/tiny"] = {"taesd.safetensors": plain}
    bench.disk.files = {
        "clip.safetensors": {"clip.safetensors": plain + b"tail"},
        "lora.safetensors": {"lora.safetensors": lora},
        "short.safetensors": {"short.safetensors": plain[:-1]},
    }
    return bench


def test_parts_are_locked_with_their_roles_and_counted(studio: Bench) -> None:
    lock = studio.lock(FLUX + TAESD + CLIP + 'image.size = "512x256"\n')
    model = only(lock)

    assert [(part.role, part.path) for part in model.parts] == [
        ("clip-l", "clip.safetensors"),
        ("taesd", "taesd.safetensors"),
    ]
    assert (model.settings.task, model.facts.architecture, model.facts.whole) == (
        "image-generation",
        "flux-schnell",
        False,
    )
    assert [toolchain.name for toolchain in lock.toolchain] == ["stable-diffusion-cpp"]
    files = sum(each.size for each in lock.artifact if each.digest in {f.digest for f in model.files()})
    assert model.memory == files + (256 << 20) + 4096 * 512 * 256


def test_without_a_small_decoder_a_pixel_takes_more(studio: Bench) -> None:
    assert only(studio.lock(FLUX + CLIP)).facts.pixel == 8192


def test_each_engine_is_locked_where_a_model_needs_it(studio: Bench) -> None:
    both = studio.lock(FLUX + CLIP + LION)
    assert [toolchain.name for toolchain in both.toolchain] == ["llama-cpp", "stable-diffusion-cpp"]


def test_a_whole_checkpoint_needs_no_parts(studio: Bench) -> None:
    text = FLUX.replace("flux.gguf", "sd.safetensors") + 'task = "image-edit"\n'
    model = only(studio.lock(text))

    assert (model.facts.architecture, model.facts.quantisation, model.facts.whole) == ("unet", "F32", True)
    assert model.settings.task == "image-edit"


def test_what_did_not_change_is_not_looked_up_again(studio: Bench) -> None:
    first = studio.lock(FLUX + TAESD + CLIP)
    assert studio.asked() == 4
    assert studio.lock(FLUX + TAESD + CLIP + "image.steps = 8\n", first).model[0].parts == only(first).parts
    assert studio.asked() == 0

    studio.hub.files["zoo/tiny"]["taesd.safetensors"] += b"new"
    lora = 'lora = [{ path = "lora.safetensors", scale = 0.5 }]\n'
    second = only(studio.lock(FLUX + TAESD + CLIP + lora, first))

    assert second.parts == only(first).parts
    assert (second.lora[0].path, second.settings.lora_scales) == ("lora.safetensors", (0.5,))
    assert studio.asked() == 1


def test_another_kind_of_task_is_looked_at_again(studio: Bench) -> None:
    first = studio.lock(FLUX + CLIP)
    with pytest.raises(EaiError, match=r"flux: flux.gguf"):
        studio.lock(FLUX, first)


def test_two_parts_of_one_name_are_told_apart(studio: Bench) -> None:
    two = CLIP + 'parts.vae = { url = "https://x.example/clip.safetensors" }\n'
    data = studio.disk.files["clip.safetensors"]["clip.safetensors"] + b"other"
    studio.web.files["https://x.example/clip.safetensors"] = {"clip.safetensors": data}

    model = only(studio.lock(FLUX + two))

    assert [part.path for part in model.parts] == ["clip.safetensors", "2-clip.safetensors"]
    assert model.parts[1].digest == digest_of(data)


@pytest.mark.parametrize(
    ("text", "says", "hint"),
    [
        (FLUX.replace("flux.gguf", "sd.ckpt") + CLIP, "begins with 'PK\\x03\\x04", "pickled checkpoints"),
        (FLUX.replace("flux.gguf", "cub.gguf") + CLIP, "cub.gguf is a language model", "as `llm`"),
        (FLUX + CLIP + 'lora = [{ path = "clip.safetensors" }]\n', "is no LoRA adapter", "made for"),
        (
            '[models.flux]\npath = "lora.safetensors"\n' + CLIP,
            "lora.safetensors is a LoRA adapter",
            "in `lora`",
        ),
        (FLUX + 'parts.vae = { path = "short.safetensors" }\n', "short.safetensors is cut short", "again"),
        (FLUX + 'parts.vae = { hf = "zoo/none", file = "x" }\n', "there is no zoo/none", "check the name"),
    ],
)
def test_what_cannot_draw_is_told_with_a_hint(studio: Bench, text: str, says: str, hint: str) -> None:
    with pytest.raises(EaiError) as caught:
        studio.lock(text)

    assert says in caught.value.message
    assert hint in str(caught.value.hint)


@pytest.mark.parametrize(
    ("tensor", "family"),
    [
        ("guidance_in.in_layer.weight", "flux"),
        ("distilled_guidance_layer.norms.0.scale", "chroma"),
        ("joint_blocks.0.x", "sd3"),
        ("transformer_blocks.0.img_mod.1.weight", "qwen-image"),
        ("something.else", "wan"),
    ],
)
def test_families_are_told_apart_by_their_tensors(
    studio: Bench, write: Callable[..., bytes], tmp_path: Path, tensor: str, family: str
) -> None:
    writer = gguf.GGUFWriter(tmp_path / "family.gguf", "wan")
    writer.add_tensor(tensor, np.zeros(32, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    studio.hub.files[REPO]["flux.gguf"] = (tmp_path / "family.gguf").read_bytes()

    assert only(studio.lock(FLUX + CLIP)).facts.architecture == family

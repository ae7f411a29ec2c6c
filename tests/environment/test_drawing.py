"""Tests for sd-server's command line."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from support.locked import lock, model

from zoo.digest import Digest
from zoo.environment import command
from zoo.environment.identity import environment_id
from zoo.errors import EaiError
from zoo.lock.model import Build, File, Lock, Model, Part, Toolchain, ToolchainRequest
from zoo.platform import current
from zoo.zoofile.model import Image, Request


def digest(number: int) -> Digest:
    return Digest.of_hex(f"{number:064x}")


FLUX = model(
    "flux",
    File(path="flux.gguf", digest=digest(1)),
    main=True,
    request=Request(path="flux.gguf", kind="image"),
    parts=(
        Part(path="clip.GGUF", digest=digest(2), role="clip-l"),
        Part(path="ae", digest=digest(3), role="vae"),
    ),
    lora=(File(path="a.safetensors", digest=digest(4)), File(path="b.bin", digest=digest(5))),
    lora_scales=(0.8, -1.0),
    task="image-generation",
    image=Image(steps=4, size="512x768", cfg_scale=1.0, guidance=3.5, sampler="euler", seed=42),
)


def test_all_that_a_request_may_leave_out_is_said() -> None:
    assert command.flags(FLUX) == (
        *("--diffusion-model", "./flux.gguf", "--clip_l", "./eai-clip-l.gguf", "--vae", "./eai-vae"),
        *("--lora-model-dir", ".", "--prompt", "<lora:eai-lora-0.safetensors:0.8><lora:eai-lora-1:-1.0>"),
        *("--width", "512", "--height", "768", "--steps", "4", "--cfg-scale", "1.0", "--guidance", "3.5"),
        *("--sampling-method", "euler", "--seed", "42", "--rng", "cuda", "--disable-image-metadata"),
    )
    assert command.threads(FLUX, 3) == ("--threads", "3")


def test_its_view_has_a_name_for_each_file() -> None:
    assert command.view(FLUX) == {
        "flux.gguf": digest(1),
        "eai-clip-l.gguf": digest(2),
        "eai-vae": digest(3),
        "eai-lora-0.safetensors": digest(4),
        "eai-lora-1": digest(5),
    }


def test_a_whole_checkpoint_is_given_as_one() -> None:
    whole = replace(FLUX, facts=replace(FLUX.facts, whole=True), lora=(), parts=())
    assert command.flags(whole)[:3] == ("--model", "./flux.gguf", "--width")


@pytest.mark.parametrize("image", [None, Image(), Image(size="1x1")])
def test_a_lock_that_does_not_say_how_to_draw_is_refused(image: Image | None) -> None:
    broken = replace(FLUX, settings=replace(FLUX.settings, image=image))
    with pytest.raises(EaiError, match="model flux"):
        command.flags(broken)


ENGINE = Toolchain(
    name="stable-diffusion-cpp",
    request=ToolchainRequest(version="latest", source="source", variant="cpu"),
    version="1",
    builds=(Build(platform=current(), variant="cpu", program="sd-server", digest=digest(9)),),
)


def of(flux: Model) -> Lock:
    """A lock of this model, with an engine for it."""
    return replace(lock(flux), toolchain=(ENGINE,))


def test_parts_scales_and_defaults_are_in_the_name_of_an_environment() -> None:
    settings = FLUX.settings
    others = (
        replace(FLUX, parts=FLUX.parts[:1]),
        replace(FLUX, parts=(replace(FLUX.parts[0], role="clip-g"), FLUX.parts[1])),
        replace(FLUX, settings=replace(settings, lora_scales=(0.8, 1.0))),
        replace(FLUX, settings=replace(settings, image=replace(settings.image, steps=5))),
    )
    names = {environment_id(of(each), current(), {ENGINE.name: ENGINE.builds[0]}) for each in (FLUX, *others)}
    assert len(names) == 1 + len(others)

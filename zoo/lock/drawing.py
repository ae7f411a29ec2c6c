"""How a model that draws is served: what the zoofile declares and what its family needs, all decided.

Every number here is part of lock version 1, as those of `zoo.lock.settings` are.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import asdict, replace

from zoo.lock.model import Facts, Settings
from zoo.zoofile.drawing import pixels
from zoo.zoofile.model import Image, Model, Sampler

SIZE = "1024x1024"
SEED = 42
GUIDANCE = 3.5


class Family(Struct, frozen=True):
    """What a family of diffusion models is drawn with where nothing is declared."""

    steps: int
    cfg_scale: float
    sampler: Sampler


# As stable-diffusion.cpp's own documentation runs each.
_FAMILIES = {
    "flux": Family(20, 1.0, "euler"),
    "flux-schnell": Family(4, 1.0, "euler"),
    "flux2": Family(20, 1.0, "euler"),
    "chroma": Family(20, 4.0, "euler"),
    "sd3": Family(20, 4.5, "euler"),
    "qwen-image": Family(20, 2.5, "euler"),
    "z-image": Family(8, 1.0, "euler"),
    "unet": Family(20, 7.0, "euler_a"),
}
_OTHER = Family(20, 4.0, "euler")


def settle(model: Model, facts: Facts, *, main: bool) -> Settings:
    """Decide how a model that draws is served; it has no context, no slots and no sampling."""
    family = _FAMILIES.get(facts.architecture, _OTHER)
    usual = Image(
        steps=family.steps,
        size=SIZE,
        cfg_scale=family.cfg_scale,
        guidance=GUIDANCE,
        sampler=family.sampler,
        seed=SEED,
    )
    declared = {key: value for key, value in asdict(model.image).items() if value is not None}
    return Settings(
        task=model.task or "image-generation",
        main=main,
        context_length=0,
        parallel=1,
        batch=0,
        gpu_layers="all",
        cache_ram=0,
        lora_scales=tuple(lora.scale for lora in model.lora),
        preload=model.preload,
        aliases=model.aliases,
        image=replace(usual, **declared),
    )


def memory(facts: Facts, image: Image, files_size: int) -> int:
    """Say how many bytes a model that draws needs while it makes a picture of its size."""
    width, height = pixels(image.size or SIZE) or (0, 0)
    return files_size + facts.overhead + (facts.pixel or 0) * width * height

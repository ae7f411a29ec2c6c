"""Tests for models that draw in a lock: their settings, their memory, their parts."""

from __future__ import annotations

from types import SimpleNamespace as Make

import pytest
from msgspec.structs import replace

from zoo.lock.check import faults
from zoo.lock.diff import diff
from zoo.lock.freshness import stale, toolchain_requests
from zoo.lock.merge import unite
from zoo.lock.model import Lock, ToolchainRequest
from zoo.lock.settings import memory, settle
from zoo.lock.toml import dumps, loads
from zoo.zoofile.model import Image, Lora, Model, Origin, Parts, Toolchain, Zoofile
from zoo.zoofile.request import request_of

FLUX = Model(path="flux.gguf", parts=Parts(clip_l=Origin(path="clip.gguf")))


@pytest.mark.parametrize(
    ("family", "steps", "scale", "sampler"),
    [
        ("flux", 20, 1.0, "euler"),
        ("flux-schnell", 4, 1.0, "euler"),
        ("unet", 20, 7.0, "euler_a"),
        ("wan", 20, 4.0, "euler"),
    ],
)
def test_a_family_has_its_own_defaults(
    make: Make, family: str, steps: int, scale: float, sampler: str
) -> None:
    settings = settle(FLUX, make.facts(architecture=family, context_length=0), main=True)

    assert settings.image == Image(
        steps=steps, size="1024x1024", cfg_scale=scale, guidance=3.5, sampler=sampler, seed=42
    )
    assert (settings.task, settings.context_length, settings.batch) == ("image-generation", 0, 0)


def test_what_is_declared_goes_before_them(make: Make) -> None:
    declared = Model(
        path="flux.gguf", task="image-edit", image=Image(steps=9, seed=-1), lora=(Lora(path="x", scale=0.5),)
    )
    settings = settle(declared, make.facts(architecture="flux"), main=False)

    assert settings.image is not None
    assert (settings.image.steps, settings.image.seed, settings.image.cfg_scale) == (9, -1, 1.0)
    assert (settings.task, settings.lora_scales) == ("image-edit", (0.5,))


def test_memory_is_files_and_what_a_picture_of_the_size_takes(make: Make) -> None:
    facts = make.facts(overhead=1000, pixel=10)
    settings = settle(replace(FLUX, image=Image(size="64x128")), facts, main=True)

    assert memory(facts, settings, 5) == 5 + 1000 + 10 * 64 * 128


def test_a_lock_with_parts_is_written_and_read_again(make: Make) -> None:
    lock = make.lock(make.drawing("flux", 1, (3, "vae"), (2, "clip-l")))

    text = dumps(lock)

    assert text.index('role = "clip-l"') < text.index('role = "vae"')
    assert 'kind = "image"' in text
    assert dumps(loads(text)) == text
    assert list(faults(loads(text))) == []


def test_what_does_not_fit_together_is_found(make: Make) -> None:
    flux = make.drawing("flux", 1, (2, "vae"), (3, "vae"))
    talks = replace(flux, settings=make.settings(main=True))
    sizeless = replace(flux, settings=replace(flux.settings, image=Image(size="1x1", cfg_scale=float("nan"))))

    assert any("parts: vae" in fault for fault in faults(make.lock(flux)))
    assert any("settings.task: is chat" in fault for fault in faults(make.lock(talks)))
    assert any("settings.image: every" in fault for fault in faults(make.lock(talks)))
    found = list(faults(make.lock(sizeless)))
    assert any("settings.image.size: '1x1'" in fault for fault in found)
    assert any("settings.image.cfg-scale" in fault for fault in found)
    split = replace(flux, weights=(*flux.weights, *flux.parts[:1]))
    assert any("one file of its own" in fault for fault in faults(make.lock(split)))
    plain = make.model("qwen", 4, main=True, parts=flux.parts[:1])
    assert any("no other has any" in fault for fault in faults(make.lock(plain)))


def test_another_part_is_another_pin(make: Make) -> None:
    old, new = (make.lock(make.drawing("flux", 1, (each, "vae"))) for each in (2, 3))

    (change,) = diff(old, new)

    assert (change.what, change.files, change.size) == ("pin", 1, 1003)
    assert unite([old, new]).unresolved == ("flux",)
    assert unite([old, old]).kept == ("flux",)


def fresh(make: Make, zoofile: Zoofile) -> Lock:
    """A lock of a zoofile with one model that draws."""
    ((name, declared),) = zoofile.models.items()
    model = make.drawing(name, 1, (2, "clip-l"), request=request_of(name, declared))
    settings = settle(declared, model.facts, main=True)
    tools = tuple(
        make.toolchain(5, name=each, request=request) for each, request in toolchain_requests(zoofile).items()
    )
    return make.lock(replace(model, settings=settings), toolchains=tools, server=zoofile.server)


def test_a_changed_part_or_default_makes_a_lock_stale(make: Make) -> None:
    lock = fresh(make, Zoofile(models={"flux": FLUX}))

    def reasons(model: Model) -> list[str]:
        return [each.reason for each in stale(lock, Zoofile(models={"flux": model}))]

    assert reasons(FLUX) == []
    assert reasons(replace(FLUX, image=Image(steps=5))) == ["setting changed: image.steps 20 → 5"]
    (reason,) = reasons(replace(FLUX, parts=Parts(clip_l=Origin(path="other.gguf"))))
    assert reason.startswith("request changed: parts.clip-l")


def test_the_engines_that_are_locked_are_those_that_models_need() -> None:
    asked = ToolchainRequest(version="latest", source="source", variant="cpu")
    flux, chat = {"flux": FLUX}, {"chat": Model(path="x.gguf")}

    assert toolchain_requests(Zoofile(models=flux)) == {"stable-diffusion-cpp": asked}
    assert list(toolchain_requests(Zoofile(models=chat))) == ["llama-cpp"]
    assert list(toolchain_requests(Zoofile(models={**flux, **chat}))) == ["llama-cpp", "stable-diffusion-cpp"]
    declared = {"llama-cpp": Toolchain(version="b1")}
    both = toolchain_requests(Zoofile(models=flux, toolchain=declared))
    assert both["llama-cpp"].version == "b1"
    assert both["stable-diffusion-cpp"] == asked

"""What a locked model that draws becomes on sd-server's command line: the same words on every machine.

All that a request may leave out is said here, and nothing names a file but those of the model's own view,
which is the engine's working folder. LoRA adapters stand in the default prompt, which is how sd-server is
told of them: requests replace its words, and cannot change its adapters.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from zoo.digest import Digest
from zoo.errors import EaiError
from zoo.lock.model import File, Model, PartRole
from zoo.zoofile.drawing import pixels
from zoo.zoofile.model import Image

# Names that the model's own file will hardly have.
_PREFIX = "eai-"
_SUFFIXES = (".gguf", ".safetensors")

_PARTS: dict[PartRole, str] = {
    "clip-l": "--clip_l",
    "clip-g": "--clip_g",
    "t5xxl": "--t5xxl",
    "llm": "--llm",
    "vae": "--vae",
    "taesd": "--taesd",
}


def view(model: Model) -> dict[str, Digest]:
    """The files that the engine sees, by the names it sees them under."""
    return {name: file.digest for name, file in _named(model)}


def flags(model: Model) -> tuple[str, ...]:
    """sd-server's flags for a model: all but where it listens and how many threads compute.

    Raises:
        EaiError: The lock does not say how pictures are made.
    """
    if model.settings.image is None:
        raise EaiError(f"the lock does not say how model {model.name} draws", hint="run `eai lock`")
    return (*_files(model), *_lora(model), *_image(model.settings.image, model.name), *_pinned())


def adapters(model: Model) -> tuple[str, ...]:
    """The paths of a model's adapters, from the folder that the engine works in."""
    return tuple(f"./{_name(f'lora-{number}', file)}" for number, file in enumerate(model.lora))


def threads(count: int) -> tuple[str, ...]:
    """The flags for so many computing threads."""
    return "--threads", str(count)


def _named(model: Model) -> Iterator[tuple[str, File]]:
    """Every file of a model with its name in the view; what it is, sd-server sees in the file itself."""
    [own] = model.weights
    yield PurePosixPath(own.path).name, own
    yield from ((_name(part.role, part), part) for part in model.parts)
    yield from ((_name(f"lora-{number}", file), file) for number, file in enumerate(model.lora))


def _name(what: str, file: File) -> str:
    suffix = PurePosixPath(file.path).suffix.lower()
    return f"{_PREFIX}{what}{suffix if suffix in _SUFFIXES else ''}"


def _files(model: Model) -> Iterator[str]:
    [own] = model.weights
    yield "--model" if model.facts.whole else "--diffusion-model"
    yield f"./{PurePosixPath(own.path).name}"
    for part in model.parts:
        yield from (_PARTS[part.role], f"./{_name(part.role, part)}")


def _lora(model: Model) -> Iterator[str]:
    """The adapters, in a prompt that says nothing else."""
    if model.lora:
        scales = zip(model.lora, model.settings.lora_scales, strict=True)
        tags = (
            f"<lora:{_name(f'lora-{number}', file)}:{scale}>" for number, (file, scale) in enumerate(scales)
        )
        yield from ("--lora-model-dir", ".", "--prompt", "".join(tags))


def _image(image: Image, name: str) -> Iterator[str]:
    size = pixels(image.size or "")
    if size is None:
        raise EaiError(f"the lock says no size for the pictures of model {name}", hint="run `eai lock`")
    yield from ("--width", str(size[0]), "--height", str(size[1]))
    for flag, value in (
        ("--steps", image.steps),
        ("--cfg-scale", image.cfg_scale),
        ("--guidance", image.guidance),
        ("--sampling-method", image.sampler),
        ("--seed", image.seed),
    ):
        if value is not None:
            yield from (flag, str(value))


def _pinned() -> Iterator[str]:
    """What is the same for every model: noise from one generator everywhere, and pictures that are only that.

    sd-server would write the prompt and the names of files into them.
    """
    yield from ("--rng", "cuda", "--disable-image-metadata")

"""Whether a lock agrees with itself: what a bad merge or a hand has broken is found when it is loaded."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator

from zoo.errors import LockError
from zoo.lock.model import Build, File, Lock, Model, Recipe, Settings, Toolchain
from zoo.lock.uri import fault, is_clean
from zoo.zoofile import forms
from zoo.zoofile.drawing import pixels
from zoo.zoofile.model import IMAGE_TASKS, Request

_MOST_SHOWN = 10
_TREE = re.compile(r"[0-9a-f]{64}")
_FLAG = re.compile(r"[A-Z][A-Za-z0-9_]*=[^\x00-\x1f]*")
_TARGET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def validate(lock: Lock, *, name: str = "zoo.lock") -> None:
    """Check everything that can be wrong with a lock whose keys and types are right.

    Every digest has exactly one artifact, every artifact a use and a source; names and paths are
    distinct and clean, also on filesystems that do not tell case or Unicode forms apart.

    Args:
        lock: The lock.
        name: What messages call the file.

    Raises:
        LockError: It does not; the message lists what is wrong.
    """
    found = list(faults(lock))
    if not found:
        return
    shown = "".join(f"\n  {fault}" for fault in found[:_MOST_SHOWN])
    more = f"\n  and {len(found) - _MOST_SHOWN} more" if len(found) > _MOST_SHOWN else ""
    raise LockError(
        f"{name} does not agree with itself:{shown}{more}",
        hint="a bad merge? run `eai lock`: it keeps what is right and resolves the rest again",
    )


def faults(lock: Lock) -> Iterator[str]:
    """Yield everything that is wrong with a lock, each with the model and key it is about."""
    yield from _names("model", (model.name for model in lock.model))
    yield from _names("toolchain", (toolchain.name for toolchain in lock.toolchain))
    yield from _spelt(lock)
    yield from _main(lock.model)
    for model in lock.model:
        yield from (f'model "{model.name}": {fault}' for fault in model_faults(model))
    for toolchain in lock.toolchain:
        yield from (f'toolchain "{toolchain.name}": {fault}' for fault in toolchain_faults(toolchain))
    yield from _artifacts(lock)


def _spelt(lock: Lock) -> Iterator[str]:
    """What is shown as it is, in terminals, logs and headers: a lock may hold what a zoofile may."""
    for model in lock.model:
        if model.name and (remedy := forms.name(model.name)):
            yield f"model {model.name!r} has no good name: {remedy}"
        for alias in model.settings.aliases:
            if remedy := forms.alias(alias):
                yield f"model {model.name!r}: settings.aliases: {alias!r} is no good one: {remedy}"
    for toolchain in lock.toolchain:
        if toolchain.name and (remedy := forms.name(toolchain.name)):
            yield f"toolchain {toolchain.name!r} has no good name: {remedy}"
        for build in toolchain.builds:
            if remedy := forms.version(build.variant):
                yield f"toolchain {toolchain.name!r}: variant {build.variant!r} is no good one: {remedy}"
    if remedy := forms.host(lock.server.host):
        yield f"server.host: {lock.server.host!r} is no address: {remedy}"


def model_faults(model: Model) -> Iterator[str]:
    """Yield what is wrong with a model on its own."""
    if model.request == Request():
        yield "request: it names nothing"
    if not model.weights:
        yield "weights: there are none"
    if len(model.chat_template) > 1:
        yield "chat-template: there may be one"
    if len(model.settings.lora_scales) != len(model.lora):
        yield f"settings.lora-scales: {len(model.settings.lora_scales)} for {len(model.lora)} adapters"
    yield from _paths(model.files())
    yield from _settings(model.settings)
    yield from _drawing(model)
    yield from _numbers(model)


def toolchain_faults(toolchain: Toolchain) -> Iterator[str]:
    """Yield what is wrong with a toolchain on its own."""
    if not toolchain.builds:
        yield "builds: there are none"
    for (platform, variant), count in Counter((b.platform, b.variant) for b in toolchain.builds).items():
        if count > 1:
            yield f"builds: {count} of them for {platform}, {variant}: there may be one"
    for build in toolchain.builds:
        yield from (f"builds: {build.platform}: {fault}" for fault in _build(build))


def _build(build: Build) -> Iterator[str]:
    if (build.digest is None) == (not build.files):
        yield "it must have `digest` or `files`, and not both"
    if not is_clean(build.program):
        yield f"program: {build.program!r} is no clean relative path"
    if build.files and build.program not in {file.path for file in build.files}:
        yield f"program: {build.program!r} is not among its files"
    yield from _paths(build.files)
    if build.digest is None and (build.recipe is not None or build.beside):
        yield "`recipe` and `beside` go with `digest`"
    if build.recipe is not None:
        yield from _recipe(build.recipe)
    if build.tree is not None and _TREE.fullmatch(build.tree) is None:
        yield f"tree: {build.tree!r} must be 64 lower-case hex digits"


def _recipe(recipe: Recipe) -> Iterator[str]:
    """What is wrong in form. It is no sandbox: see README, what the lock is, and is not."""
    if recipe.folder and not is_clean(recipe.folder):
        yield f"recipe.folder: {recipe.folder!r} is no clean relative path"
    for flag in recipe.flags:
        if _FLAG.fullmatch(flag) is None:
            yield f"recipe.flags: {flag!r} must be NAME=VALUE"
    for target in recipe.targets:
        if _TARGET.fullmatch(target) is None:
            yield f"recipe.targets: {target!r} is no name of a target"
    if not recipe.targets:
        yield "recipe.targets: there are none"


def _names(table: str, names: Iterable[str]) -> Iterator[str]:
    seen: dict[str, str] = {}
    for name in names:
        folded = _fold(name)
        if not name:
            yield f"{table}: one has an empty name"
        elif seen.get(folded) == name:
            yield f'{table} "{name}" is there twice'
        elif folded in seen:
            yield f'{table} "{name}" and "{seen[folded]}" differ only in case or Unicode form'
        seen[folded] = name


def _paths(files: Iterable[File]) -> Iterator[str]:
    """File names become links in one folder, on filesystems that may fold case and Unicode forms."""
    seen: dict[str, str] = {}
    for file in files:
        if not is_clean(file.path):
            yield f"path {file.path!r} must be relative and clean: no `..`, no backslash, no empty part"
        folded = _fold(file.path)
        if folded in seen:
            yield f"path {file.path!r} and {seen[folded]!r} would be one file"
        seen[folded] = file.path
    for folded, path in seen.items():
        folder = folded.rpartition("/")[0]
        while folder:
            if folder in seen:
                yield f"path {path!r} lies below {seen[folder]!r}, which is a file"
            folder = folder.rpartition("/")[0]


def _fold(text: str) -> str:
    """What is the same for two names that some filesystem would take for one."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def _main(models: tuple[Model, ...]) -> Iterator[str]:
    mains = [model.name for model in models if model.settings.main]
    if len(mains) > 1:
        yield f"settings.main: {' and '.join(mains)} are all main, one may be"
    if models and not mains:
        yield "settings.main: no model is main, one must be"


def _settings(settings: Settings) -> Iterator[str]:
    if settings.task in IMAGE_TASKS:
        return  # such models have no context
    for key in ("parallel", "context_length", "batch"):
        if getattr(settings, key) < 1:
            yield f"settings.{key.replace('_', '-')}: must be at least 1"
    if settings.context_length < settings.parallel:
        yield "settings.context-length: is less than a token for each of the parallel slots"
    if settings.cache_ram < 0:
        yield "settings.cache-ram: must be at least 0"
    if isinstance(settings.gpu_layers, int) and settings.gpu_layers < 0:
        yield "settings.gpu-layers: must be `all` or at least 0"


def _drawing(model: Model) -> Iterator[str]:
    """What only models that draw have, and what none of them has."""
    if (model.settings.task in IMAGE_TASKS) != model.draws:
        yield f"settings.task: is {model.settings.task}, which does not go with request.kind"
    if (model.settings.image is not None) != model.draws:
        yield "settings.image: every model that draws has it, and no other"
    if model.draws and (len(model.weights) > 1 or model.mmproj or model.chat_template):
        yield "weights: a model that draws has one file of its own, and `parts`"
    for role, count in Counter(part.role for part in model.parts).items():
        if count > 1 or not model.draws:
            yield f"parts: {role}: a model that draws has one, and no other has any"
    image = model.settings.image
    if image is not None and (image.size is None or pixels(image.size) is None):
        yield f"settings.image.size: {image.size!r} is no size of a picture"


def _numbers(model: Model) -> Iterator[str]:
    for key, sampling in (("settings", model.settings.sampling), ("facts", model.facts.sampling)):
        for field in sampling.__struct_fields__:
            value = getattr(sampling, field)
            if value is not None and not math.isfinite(value):
                yield f"{key}.sampling.{field.replace('_', '-')}: {value} is no number to use"
    image = model.settings.image
    for field in ("cfg_scale", "guidance"):
        value = None if image is None else getattr(image, field)
        if value is not None and not math.isfinite(value):
            yield f"settings.image.{field.replace('_', '-')}: {value} is no number to use"
    if not all(map(math.isfinite, model.settings.lora_scales)):
        yield "settings.lora-scales: one is no number to use"


def _artifacts(lock: Lock) -> Iterator[str]:
    there = Counter(artifact.digest for artifact in lock.artifact)
    used = {
        file.digest: f'model "{model.name}": {file.path}' for model in lock.model for file in model.files()
    }
    for toolchain in lock.toolchain:
        for build in toolchain.builds:
            used |= dict.fromkeys(build.digests(), f'toolchain "{toolchain.name}": {build.platform}')
    for digest in sorted(used.keys() - there.keys()):
        yield f"{used[digest]}: {digest} has no [[artifact]]"
    for artifact in lock.artifact:
        if artifact.digest not in used:
            yield f"artifact {artifact.digest}: nothing uses it"
        if there.pop(artifact.digest, 1) > 1:
            yield f"artifact {artifact.digest}: it is there twice"
        if artifact.size < 1:
            yield f"artifact {artifact.digest}: size: must be at least 1"
        yield from (f"artifact {artifact.digest}: {fault}" for fault in _sources(artifact.sources()))


def _sources(sources: Iterable[tuple[str, str]]) -> Iterator[str]:
    listed = Counter(sources)
    if not listed:
        yield "it has no source"
    for (kind, uri), count in listed.items():
        if count > 1:
            yield f"{kind}: {uri} is there twice"
        if (wrong := fault(kind, uri)) is not None:
            yield f"{kind}: {uri!r} {wrong}"

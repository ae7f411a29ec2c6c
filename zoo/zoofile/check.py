"""What must hold between the values of a zoofile, beyond their types."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import isfinite

from zoo.zoofile import drawing, flags, forms
from zoo.zoofile.model import IMAGE_TASKS, Lora, Model, Origin, Own, Sampling, Toolchain, Variant, Zoofile
from zoo.zoofile.problem import Keys, Problem, plain, quoted

ORIGINS = ("hf", "url", "path", "ipfs", "bundled")

_FORMS: dict[str, Callable[[str], str | None]] = {
    "hf": forms.repository,
    "url": forms.url,
    "path": forms.path,
    "ipfs": forms.cid,
    "bundled": forms.bundled,
    "file": forms.inside,
    "pattern": forms.pattern,
    "revision": forms.revision,
}
_MMPROJ: dict[str, Callable[[str], str | None]] = {**_FORMS, "hf": forms.inside}


def problems(zoofile: Zoofile) -> Iterator[Problem]:
    """Find all that is wrong with a zoofile whose types are right."""
    name, platforms = zoofile.zoo.name, zoofile.zoo.platforms
    if name is not None and not 0 < len(name) <= forms.NAME_LIMIT:
        yield Problem(("zoo", "name"), "has no good length", f"use 1 to {forms.NAME_LIMIT} characters")
    if platforms is not None:
        yield from _platforms(platforms)
    if remedy := forms.host(zoofile.server.host):
        yield Problem(("server", "host"), "is no address", remedy)
    for key, values, form in (
        ("allowed-hosts", zoofile.server.allowed_hosts, forms.called),
        ("allowed-origins", zoofile.server.allowed_origins, forms.origin),
    ):
        for at, value in enumerate(values):
            if remedy := form(value):
                yield Problem(("server", key, at), f"cannot be {quoted(value)}", remedy)
    yield from _remote_images(zoofile.server.remote_images)
    for key, toolchain in zoofile.toolchain.items():
        yield from _toolchain(key, toolchain)
    yield from _names(zoofile)
    for key, model in zoofile.models.items():
        yield from _model(("models", key), model)


def _remote_images(declared: str | tuple[str, ...]) -> Iterator[Problem]:
    for at, entry in enumerate(() if isinstance(declared, str) else declared):
        if remedy := forms.remote(entry):
            yield Problem(("server", "remote-images", at), "is no host", remedy)


def _platforms(platforms: tuple[str, ...]) -> Iterator[Problem]:
    if not platforms:
        yield Problem(("zoo", "platforms"), "is empty", "leave it out to lock all platforms there are")
    for at, platform in enumerate(platforms):
        if platform in platforms[:at]:
            yield Problem(("zoo", "platforms", at), f"names {platform} again", "name each platform once")


def _toolchain(key: str, toolchain: Toolchain) -> Iterator[Problem]:
    keys = ("toolchain", key)
    if remedy := forms.name(key):
        yield Problem(keys, "is no name of a toolchain", remedy)
    if remedy := forms.version(toolchain.version):
        yield Problem((*keys, "version"), "is no version", remedy)
    if isinstance(toolchain.source, Own):
        yield from _own((*keys, "from"), toolchain.source)
    yield from _variants((*keys, "variant"), toolchain.variant)


def _own(keys: Keys, own: Own) -> Iterator[Problem]:
    if (own.path is None) == (own.source is None):
        both = 'write { path = "…" } for a program, or { source = "…" } for an archive of source code'
        yield Problem(keys, "must hold one of `path` and `source`", both)
    for key in ("path", "source"):
        declared: str | None = getattr(own, key)
        if declared is not None and (remedy := forms.path(declared)):
            yield Problem((*keys, key), "is no path that can be shared", remedy)


def _variants(keys: Keys, variant: Variant | dict[str, Variant]) -> Iterator[Problem]:
    from zoo.platform import PLATFORMS  # noqa: PLC0415 - a zoofile seldom has a toolchain

    by_platform = variant if isinstance(variant, dict) else {"": variant}
    for platform in by_platform.keys() - {"", *PLATFORMS}:
        yield Problem((*keys, platform), "is no platform", f"the platforms are {', '.join(PLATFORMS)}")
    for asked in by_platform.values():
        listed = (asked,) if isinstance(asked, str) else asked
        if not listed:
            yield Problem(keys, "is an empty list", 'name a variant, such as "cpu" or "vulkan"')
        for at, value in enumerate(listed):
            if forms.version(value):
                yield Problem(
                    keys, f"holds {quoted(value)}, which is no variant", 'such as "cpu" or "vulkan"'
                )
            elif value in listed[:at]:
                yield Problem(keys, f"names {quoted(value)} twice", "name each variant once")


def _names(zoofile: Zoofile) -> Iterator[Problem]:
    main: str | None = None
    folded: dict[str, str] = {}
    for name, model in zoofile.models.items():
        if remedy := forms.name(name):
            yield Problem(("models", name), "is no name of a model", remedy)
        first = folded.setdefault(name.casefold(), name)
        if first != name:
            what = f"differs from `{plain(first)}` only in upper and lower case"
            yield Problem(("models", name), what, "give it another name")
        if model.main and main is not None:
            what = f"is the second main model after `{plain(main)}`"
            yield Problem(("models", name, "main"), what, "keep `main = true` with one model")
        elif model.main:
            main = name
    yield from _aliases(zoofile, folded)


def _aliases(zoofile: Zoofile, names: dict[str, str]) -> Iterator[Problem]:
    """An alias leads to one model: it is no other's name or alias, whatever the case."""
    taken = dict(names)
    for name, model in zoofile.models.items():
        for at, alias in enumerate(model.aliases):
            keys = ("models", name, "aliases", at)
            if remedy := forms.alias(alias):
                yield Problem(keys, f"cannot be {quoted(alias)}", remedy)
            elif (other := taken.setdefault(alias.casefold(), name)) != name:
                yield Problem(keys, f"{quoted(alias)} leads to `{plain(other)}` already", "choose another")


def _model(keys: Keys, model: Model) -> Iterator[Problem]:
    origin = _named(model)
    yield from _origin(keys, model, origin)
    if model.mmproj is not None:
        yield from _mmproj(keys, model.mmproj, origin)
    if model.chat_template is not None and (remedy := forms.path(model.chat_template)):
        yield Problem((*keys, "chat-template"), "is no path that can be shared", remedy)
    for at, lora in enumerate(model.lora):
        yield from _lora((*keys, "lora", at), lora)
    for role, part in model.parts.given():
        yield from _part((*keys, "parts", role), part)
    yield from _sampling((*keys, "sampling"), model.sampling)
    yield from _task(keys, model)
    yield from drawing.problems(keys, model, origin=bool(origin))
    if model.args and (wrong := flags.problem(model.args)):
        at, what, remedy = wrong
        yield Problem((*keys, "args", at), what, remedy)


def _named(origin: Origin) -> tuple[str, ...]:
    return tuple(kind for kind in ORIGINS if getattr(origin, kind) is not None)


def _origin(keys: Keys, origin: Origin, named: tuple[str, ...]) -> Iterator[Problem]:
    if len(named) > 1:
        kinds = " and ".join(f"`{kind}`" for kind in named)
        yield Problem((*keys, named[1]), f"is one origin too many: there are {kinds}", "keep one of them")
    for key, form in _FORMS.items():
        value = getattr(origin, key)
        if value is not None and (remedy := form(value)):
            yield Problem((*keys, key), f"cannot be {quoted(value)}", remedy)
    if origin.hf is None:
        for key in ("file", "pattern", "revision"):
            if getattr(origin, key) is not None:
                yield Problem((*keys, key), "goes with `hf` only", "name the repository with `hf`")
    elif origin.file is None and origin.pattern is None:
        remedy = 'write file = "NAME.gguf", or pattern = "Q4_K_M" for every part of a split model'
        yield Problem((*keys, "hf"), "names a repository, but no file in it", remedy)
    elif origin.file is not None and origin.pattern is not None:
        yield Problem((*keys, "pattern"), "stands beside `file`", "keep one of them")


def _mmproj(keys: Keys, mmproj: str, origin: tuple[str, ...]) -> Iterator[Problem]:
    keys = (*keys, "mmproj")
    if not origin:
        yield Problem(keys, "goes with a model of its own origin", "the catalogue says which projector fits")
    elif remedy := _MMPROJ[origin[0]](mmproj):
        yield Problem(keys, f"cannot be {quoted(mmproj)}: it comes from where the model comes from", remedy)


def _part(keys: Keys, part: Origin) -> Iterator[Problem]:
    """Check a file beside the model, which names an origin of its own."""
    named = _named(part)
    if not named:
        yield Problem(keys, "names no origin", f"give it one of {', '.join(f'`{k}`' for k in ORIGINS)}")
    yield from _origin(keys, part, named)
    if part.hf is not None and part.pattern is not None:
        yield Problem((*keys, "pattern"), "is for split models", "this is one file: use `file`")


def _lora(keys: Keys, lora: Lora) -> Iterator[Problem]:
    yield from _part(keys, lora)
    if not isfinite(lora.scale):
        yield Problem((*keys, "scale"), "is no finite number")


def _sampling(keys: Keys, sampling: Sampling) -> Iterator[Problem]:
    for field in ("temperature", "repeat_penalty", "presence_penalty", "frequency_penalty"):
        value = getattr(sampling, field)
        if value is not None and not isfinite(value):
            yield Problem((*keys, field.replace("_", "-")), "is no finite number")


def _task(keys: Keys, model: Model) -> Iterator[Problem]:
    if model.task is None or model.task in IMAGE_TASKS:
        return
    if model.task == "chat":
        if model.pooling is not None:
            yield Problem((*keys, "pooling"), 'is for task = "embed" and "rerank"', "leave it out")
        return
    for key, given in (
        ("mmproj", model.mmproj is not None),
        ("chat-template", model.chat_template is not None),
        ("sampling", model.sampling != Sampling()),
    ):
        if given:
            yield Problem((*keys, key), f'is for chat models, and task = "{model.task}"', "leave it out")
    if model.task == "rerank" and model.pooling not in {None, "rank"}:
        yield Problem((*keys, "pooling"), 'must be "rank" where task = "rerank"', "leave it out")

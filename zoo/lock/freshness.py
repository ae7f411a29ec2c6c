"""Whether a lock is what its zoofile asks for: decided locally, model by model, with the reason.

What upstream did since makes nothing stale, and neither do comments, order or spelling.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from msgspec import Struct

from zoo.lock.model import Lock, Model, ToolchainRequest
from zoo.lock.render import render
from zoo.lock.settings import settle
from zoo.zoofile.model import Model as Declared
from zoo.zoofile.model import Toolchain, Zoofile
from zoo.zoofile.request import main_model, request_of

LLAMA_CPP, STABLE_DIFFUSION_CPP = "llama-cpp", "stable-diffusion-cpp"
_USUAL = {LLAMA_CPP: Toolchain(), STABLE_DIFFUSION_CPP: Toolchain(source="source")}

Subject = Literal["lock", "server", "model", "toolchain"]


class Stale(Struct, frozen=True, kw_only=True):
    """One thing that locking would change, and why.

    Attributes:
        subject: What kind of thing.
        name: Which one.
        reason: What differs, from what is locked to what is declared.
    """

    subject: Subject
    name: str
    reason: str


def stale(lock: Lock, zoofile: Zoofile) -> tuple[Stale, ...]:
    """List what `eai lock` would change; empty where the lock is fresh.

    Raises:
        ZoofileError: The zoofile declares what locked weights cannot do.
    """
    return (*_server(lock, zoofile), *_models(lock, zoofile), *_toolchains(lock, zoofile))


def misspelt(lock: Lock, text: str) -> tuple[Stale, ...]:
    """Say so where a lock is not written as `eai lock` would write it; git may have changed line ends."""
    if render(lock) == text.replace("\r\n", "\n"):
        return ()
    return (Stale(subject="lock", name="zoo.lock", reason="says the same, but not as eai writes it"),)


def toolchain_requests(zoofile: Zoofile) -> dict[str, ToolchainRequest]:
    """What the lock must echo of each toolchain: those declared, and the usual ones that models need."""
    needed = {engine_of(draws=model.draws) for model in zoofile.models.values()}
    if not needed and not zoofile.toolchain:
        needed = {LLAMA_CPP}
    declared = {**{name: _USUAL[name] for name in sorted(needed)}, **zoofile.toolchain}
    platforms = zoofile.zoo.platforms
    return {
        name: ToolchainRequest(
            version=toolchain.version,
            source=toolchain.source,
            variant=toolchain.variant,
            platforms=None if platforms is None else tuple(sorted(set(platforms))),
        )
        for name, toolchain in declared.items()
    }


def engine_of(*, draws: bool) -> str:
    """Name the toolchain that serves a model."""
    return STABLE_DIFFUSION_CPP if draws else LLAMA_CPP


def differences(old: Struct, new: Struct) -> Iterator[tuple[str, str, str]]:
    """Yield key, old and new value, for people, of every field in which two values of one type differ."""
    for key, field in zip(old.__struct_encode_fields__, old.__struct_fields__, strict=True):
        before, after = getattr(old, field), getattr(new, field)
        if before == after:
            continue
        if isinstance(before, Struct) and type(before) is type(after):
            for inner, one, other in differences(before, after):
                yield f"{key}.{inner}", one, other
        else:
            yield key, shown(before), shown(after)


def _server(lock: Lock, zoofile: Zoofile) -> Iterator[Stale]:
    for change in _told("setting", lock.server, zoofile.server):
        yield Stale(subject="server", name="server", reason=change)


def _models(lock: Lock, zoofile: Zoofile) -> Iterator[Stale]:
    locked = {model.name: model for model in lock.model}
    main = main_model(zoofile)
    for name, declared in zoofile.models.items():
        if name not in locked:
            yield Stale(subject="model", name=name, reason="in zoofile.toml, not in zoo.lock")
            continue
        for reason in _model(locked[name], declared, main=name == main):
            yield Stale(subject="model", name=name, reason=reason)
    for name in sorted(locked.keys() - zoofile.models.keys()):
        yield Stale(subject="model", name=name, reason="in zoo.lock, not in zoofile.toml")


def _model(locked: Model, declared: Declared, *, main: bool) -> Iterator[str]:
    request = request_of(locked.name, declared)
    if request != locked.request:
        # Settings are decided from the weights, and these will be others.
        yield from _told("request", locked.request, request)
        return
    settings = settle(declared, locked.facts, main=main, name=locked.name)
    yield from _told("setting", locked.settings, settings)


def _told(what: str, old: Struct, new: Struct) -> Iterator[str]:
    for key, before, after in differences(old, new):
        yield f"{what} changed: {key} {before} → {after}"


def _toolchains(lock: Lock, zoofile: Zoofile) -> Iterator[Stale]:
    locked = {toolchain.name: toolchain for toolchain in lock.toolchain}
    requests = toolchain_requests(zoofile)
    for name, request in requests.items():
        if name not in locked:
            yield Stale(subject="toolchain", name=name, reason="in zoofile.toml, not in zoo.lock")
            continue
        for change in _told("request", locked[name].request, request):
            yield Stale(subject="toolchain", name=name, reason=change)
        built = {build.platform for build in locked[name].builds}
        for platform in request.platforms or ():
            if platform not in built:
                yield Stale(subject="toolchain", name=name, reason=f"platform {platform} has no build")
    for name in sorted(locked.keys() - requests.keys()):
        yield Stale(subject="toolchain", name=name, reason="in zoo.lock, not in zoofile.toml")


def shown(value: Any) -> str:  # noqa: ANN401 - whatever a field holds
    """A value as a person wrote it, or would."""
    if value is None or value == ():
        return "(none)"
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, tuple):
        return f"[{', '.join(map(shown, value))}]"
    if isinstance(value, Struct):
        fields = zip(value.__struct_encode_fields__, value.__struct_fields__, strict=True)
        value = {key: item for key, field in fields if (item := getattr(value, field)) is not None}
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{key} = {shown(item)}' for key, item in sorted(value.items()))} }}"
    return str(value).lower() if isinstance(value, bool) else str(value)

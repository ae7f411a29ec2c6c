"""Where each file of a model comes from, the catalogue's entry filled in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from msgspec.structs import replace

from zoo.catalog import Entry, lookup, near
from zoo.errors import ZoofileError
from zoo.lock.model import PART_ROLES, PartRole, SourceKind
from zoo.zoofile.model import IMAGE_TASKS, Origin, Request, Sampling, Task
from zoo.zoofile.request import mmproj_origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a model is asked to consist of, and what the catalogue knows of it.

    Attributes:
        weights: The model itself, which may be several shards.
        mmproj: Its projector.
        lora: Its adapters, in the order in which they are applied.
        chat_template: A file beside the zoofile.
        parts: What a model that draws needs beside its own file.
        draws: Whether it is one.
        task: The catalogue's.
        sampling: The catalogue's.
        preserved: The CID of a copy of all of it, for when its origin fails; the catalogue's.
    """

    weights: Origin
    mmproj: Origin | None = None
    lora: tuple[Origin, ...] = ()
    chat_template: Origin | None = None
    parts: tuple[tuple[PartRole, Origin], ...] = ()
    draws: bool = False
    task: Task | None = None
    sampling: Sampling | None = None
    preserved: str | None = None


def wanted(name: str, request: Request) -> Wanted:
    """Say where the files of a model come from.

    Raises:
        ZoofileError: The catalogue has no such model, or there is no engine for it.
    """
    entry = None if request.catalog is None else _entry(name)
    parts = dict(request.parts.given())
    full = request if entry is None else _filled(request, entry)
    return Wanted(
        weights=plain(full),
        mmproj=mmproj_origin(full),
        lora=request.lora,
        chat_template=None if request.chat_template is None else Origin(path=request.chat_template),
        parts=tuple((role, origin) for role in PART_ROLES if (origin := parts.get(role)) is not None),
        draws=request.kind == "image",
        task=None if entry is None else entry.task,
        sampling=None if entry is None else entry.sampling,
        preserved=None if entry is None else _preserved(request, entry),
    )


def plain(origin: Origin) -> Origin:
    """Take from a request what names its weights alone."""
    return Origin(**{key: getattr(origin, key) for key in Origin.__struct_fields__})


def kind_of(origin: Origin) -> SourceKind:
    """Say which kind of source an origin names.

    Raises:
        ZoofileError: It names none.
    """
    for kind in get_args(SourceKind):
        if getattr(origin, kind, None) is not None:
            found: SourceKind = kind
            return found
    raise ZoofileError("names no place to get it from", hint="give it one of hf, ipfs, url, path, bundled")


def _entry(name: str) -> Entry:
    entry = lookup(name)
    if entry is None:
        names = near(name)
        raise ZoofileError(
            "is not in the catalogue, and names no place to get it from",
            hint=f"did you mean {' or '.join(names)}? Else give it one of hf, ipfs, url, path"
            if names
            else "give it one of hf, ipfs, url, path; `eai catalog` lists what a name alone is enough for",
        )
    if not entry.supported:
        raise _no_engine(entry)
    if entry.base is not None:
        raise ZoofileError(
            f"is an adapter for {entry.base}, no model of its own",
            hint=f"name it in `lora` of {entry.base}",
        )
    return entry


def _filled(request: Request, entry: Entry) -> Request:
    return entry.request if request.mmproj is None else replace(entry.request, mmproj=request.mmproj)


def _preserved(request: Request, entry: Entry) -> str | None:
    """Name its copy; none if parts of one's own are asked for, since those may be what fails."""
    own = request.lora or request.chat_template is not None
    return None if own or entry.request.hf is None else entry.cid


def _no_engine(entry: Entry) -> ZoofileError:
    """Say which engine the catalogue's entry is for, and how the model can be had without it."""
    what = f"is for {entry.backend}, an engine of Apple's MLX, and eai has no build of that to pin"
    if entry.task in IMAGE_TASKS:
        return ZoofileError(
            what,
            hint="write it for stable-diffusion.cpp, with files that you trust: hf and file of a GGUF of the "
            "diffusion model, and parts = { clip-l = {…}, t5xxl = {…}, vae = {…} }, each with its own origin",
        )
    return ZoofileError(what, hint="name a GGUF of the same model, with hf and file")

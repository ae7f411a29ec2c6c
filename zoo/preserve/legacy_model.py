"""A model's folder as Eternal Zoo and CryptoModels preserved it: an archive in parts, and JSON on them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from zoo.errors import EaiError, Malformed
from zoo.ipfs import legacy, names
from zoo.ipfs.cid import Cid
from zoo.ipfs.legacy import Archive, Part
from zoo.lock.model import Model
from zoo.preserve.archive import Member, PackedPart, members, packed
from zoo.preserve.content import Content, build
from zoo.preserve.events import Progress
from zoo.preserve.target import Target, keep
from zoo.store import Store

MIB = 1 << 20
PART_MIB, THREADS = 512, 16
"""How large parts are, and how many threads compress, where nobody says otherwise."""
OLD_TASKS = ("chat", "embed", "image-generation", "image-edit")
"""What older installations know that models are for."""


@dataclass(frozen=True, slots=True)
class Preserved:
    """What was preserved: the model's CID, and what its JSON says."""

    cid: Cid
    archive: Archive


def check_folder(folder: Path, *, lora: bool, gguf_folder: bool) -> tuple[Member, ...]:
    """See that a folder is laid out as older installations expect; give what is packed.

    Raises:
        EaiError: It is not: the message says what is missing.
    """
    if not folder.is_dir():
        raise EaiError(f"{folder} is no folder", hint="--folder-path names the folder that holds the model")
    try:
        name = names.check_text(folder.name)
    except Malformed as error:
        raise EaiError(f"{folder} cannot be preserved under its name: {error.message}") from None
    model = folder / name
    if lora:
        _check_lora(model)
    elif gguf_folder:
        if not any(path.is_file() for path in folder.glob("*.gguf")):
            raise EaiError(f"{folder} has no *.gguf", hint="leave out --gguf-folder, or put the files there")
    elif not model.exists():
        raise EaiError(
            f"{folder} has no {name}, which is what older installations take for the model",
            hint=f"name the model's file {name}, and its projector {name}{legacy.PROJECTOR_SUFFIX}; no .gguf",
        )
    return members(folder)


def _check_lora(model: Path) -> None:
    """A LoRA is a directory with a JSON that says which model it is for, and the adapters that it names."""
    path = model / legacy.LORA_METADATA
    try:
        lora = legacy.parse_lora(path.read_bytes())
    except FileNotFoundError:
        raise EaiError(
            f"there is no {path}, which says what model the LoRA is for",
            hint='write {"base_model": "CID", "lora_paths": ["adapter.gguf"], "lora_scales": [1.0]} into it',
        ) from None
    except Malformed as error:
        raise EaiError(f"{path}: {error.message}") from None
    for name, _ in lora.adapters:
        if not (model / name).is_file():
            raise EaiError(f"{path} names {name}, which is not there")


def of_lock(model: Model, store: Store) -> tuple[tuple[Member, ...], Archive]:
    """Lay out a locked model as older installations expect it; what is packed, and what its JSON says.

    Raises:
        EaiError: Such an archive has no place for something that the model has.
    """
    if model.lora or model.chat_template or model.settings.task not in OLD_TASKS:
        raise EaiError(
            f"{model.name} has adapters, a chat template or a task that such an archive has no place for",
            hint="preserve it with `--format unixfs`, which keeps each file as it is",
        )
    name = model.name
    try:
        names.check_text(name)
    except Malformed as error:
        raise EaiError(f"{name} cannot be the name of such an archive: {error.message}") from None
    whole = len(model.weights) == 1
    places = {f"{name}/{name}" if whole else f"{name}/{name}/{file.path}": file for file in model.weights}
    places |= {f"{name}/{name}{legacy.PROJECTOR_SUFFIX}": file for file in model.mmproj}
    folders = {name} if whole else {name, f"{name}/{name}"}
    entries = [Member(folder, store.root, 0, directory=True) for folder in folders]
    for place, file in places.items():
        path = store.object(file.digest)
        entries.append(Member(place, path, path.stat().st_size, directory=False))
    about = Archive(
        folder=name,
        parts=(),
        part_mib=PART_MIB,
        task=model.settings.task,
        ram=round(model.memory / 1e9, 2),
        hf_repo=model.request.hf,
        hf_file=model.request.file,
    )
    return tuple(sorted(entries, key=lambda entry: entry.name.encode())), about


def preserve(
    entries: tuple[Member, ...],
    about: Archive,
    targets: Sequence[Target],
    *,
    threads: int,
    scratch: Path,
    tell: Progress,
) -> Preserved:
    """Pack a model, and preserve each part as it is cut, and then the JSON.

    Args:
        entries: What is packed.
        about: What the JSON says beside the parts: the folder's name, the size at which they are cut.
        targets: Where to.
        threads: How many compress.
        scratch: A folder for temporary files.
        tell: Is told what happens.

    Raises:
        EaiError: As `zoo.preserve.target.Target.keep` does, or a file cannot be read.
    """
    parts: list[Part] = []
    size = (about.part_mib or 1) * MIB
    with packed(entries, about.folder, part_size=size, threads=threads, scratch=scratch) as cut:
        for part in cut:
            content = build(part.name, part.read, part.size, tell)
            _keep(content, targets, tell)
            parts.append(_described(part, content.cid))
    archive = replace(about, parts=tuple(parts))
    with _metadata(about.folder, archive, tell) as content:
        _keep(content, targets, tell)
        return Preserved(content.cid, archive)


def _described(part: PackedPart, cid: Cid) -> Part:
    return Part(part.name, cid, part.sha256, part.size)


def _keep(content: Content, targets: Sequence[Target], tell: Progress) -> None:
    keep((content,), targets, tell=tell, kept=lambda _: None)


@contextmanager
def _metadata(name: str, archive: Archive, tell: Progress) -> Iterator[Content]:
    data = legacy.dump(archive)
    if len(data) > legacy.METADATA_MAX:
        raise EaiError(
            f"{name} has {len(archive.parts)} parts, more than its JSON may list",
            hint="cut it into larger ones with --zip-chunk-size",
        )
    yield build(f"{name}.json", lambda offset, length: data[offset : offset + length], len(data), tell)

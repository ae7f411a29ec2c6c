"""A model's folder as Eternal Zoo and CryptoModels preserved it: an archive in parts, and JSON on them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from zoo.errors import EaiError, Malformed
from zoo.ipfs import legacy
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
_AROUND = 4096
"""More bytes than a tar has around a file; packing adds less than one in a thousand."""
OLD_TASKS = ("chat", "embed", "image-generation", "image-edit")
"""What older installations know that models are for."""


@dataclass(frozen=True, slots=True)
class Preserved:
    """What was preserved: the model's CID, and what its JSON says."""

    cid: Cid
    archive: Archive


def check_folder(folder: Path, *, lora: bool, gguf_folder: bool) -> tuple[Member, ...]:
    """See that a folder is laid out as older installations expect; give what is packed.

    They look for GGUF files that keep their names in a folder of the folder's own name; files that lie
    in the folder itself are packed there.

    Raises:
        EaiError: It is not: the message says what is missing.
    """
    if not folder.is_dir():
        raise EaiError(f"{folder} is no folder", hint="--folder-path names the folder that holds the model")
    try:
        name = legacy.check_folder(folder.name)
    except Malformed as error:
        raise EaiError(f"{str(folder)!a} cannot be preserved under its name: {error.message}") from None
    model = folder / name
    if lora:
        _check_lora(model)
    elif gguf_folder:
        return _with_files(folder, model)
    elif not model.exists():
        raise EaiError(
            f"{folder} has no {name}, which is what older installations take for the model",
            hint=f"name the model's file {name}, and its projector {name}{legacy.PROJECTOR_SUFFIX}; no .gguf",
        )
    elif _gguf_files(model):
        raise EaiError(
            f"{model} is a folder of GGUF files, of which older installations must be told",
            hint="say --gguf-folder",
        )
    return members(folder)


def _gguf_files(folder: Path) -> tuple[str, ...]:
    """Name the GGUF files in a folder, without those that only macOS sees."""
    return tuple(path.name for path in folder.glob("*.gguf") if path.is_file() and path.name[0] != ".")


def _with_files(folder: Path, model: Path) -> tuple[Member, ...]:
    """Give what is packed of a folder with GGUF files that keep their names."""
    found = members(folder)
    if _gguf_files(model):
        return found
    loose = {f"{folder.name}/{name}" for name in _gguf_files(folder)}
    if not loose:
        raise EaiError(f"{folder} has no *.gguf", hint="leave out --gguf-folder, or put the files there")
    if model.is_file():
        raise EaiError(f"{model} is a model of its own beside *.gguf", hint="leave out --gguf-folder")
    inner = f"{folder.name}/{folder.name}"
    place = Member(inner, folder, 0, directory=True)
    moved = [
        replace(each, name=f"{inner}/{each.path.name}") if each.name in loose else each
        for each in found
        if each.name != inner
    ]
    return _sorted((place, *moved))


def _sorted(entries: Iterable[Member]) -> tuple[Member, ...]:
    return tuple(sorted(entries, key=lambda entry: entry.name.encode()))


def _check_lora(model: Path) -> None:
    """A LoRA is a directory with a JSON that says which model it is for, and the adapters that it names."""
    path = model / legacy.LORA_METADATA
    if not path.is_file():
        raise EaiError(
            f"there is no {path}, which says what model the LoRA is for",
            hint='write {"base_model": "CID", "lora_paths": ["adapter.gguf"], "lora_scales": [1.0]} into it',
        )
    try:
        with path.open("rb") as file:
            lora = legacy.parse_lora(file.read(legacy.METADATA_MAX + 1))
    except OSError as error:
        raise EaiError(f"{path} cannot be read: {error.strerror}") from None
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
    if model.lora or model.chat_template or model.parts or model.settings.task not in OLD_TASKS:
        raise EaiError(
            f"{model.name} has parts, adapters, a template or a task that such an archive has no place for",
            hint="preserve it with `--format unixfs`, which keeps each file as it is",
        )
    name = model.name
    try:
        legacy.check_folder(name)
    except Malformed as error:
        raise EaiError(f"{name} cannot be the name of such an archive: {error.message}") from None
    whole = len(model.weights) == 1
    places = {
        f"{name}/{name}" if whole else f"{name}/{name}/{PurePosixPath(file.path).name}": file
        for file in model.weights
    }
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
        gguf_folder=not whole,
    )
    return _sorted(entries), about


def scratch_needed(entries: tuple[Member, ...], about: Archive) -> int:
    """Give how many bytes are in temporary files at most: three parts, of which one is being sent."""
    return min(3 * _part_size(about), sum(entry.size for entry in entries))


def _part_size(about: Archive) -> int:
    return (about.part_mib or PART_MIB) * MIB


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
        EaiError: As `zoo.preserve.target.Target.keep` does, a file cannot be read, or there would be more
            parts than the JSON may list.
    """
    parts: list[Part] = []
    size = _part_size(about)
    _rehearse(entries, about, size)
    with packed(entries, about.folder, part_size=size, threads=threads, scratch=scratch) as cut:
        for part in cut:
            content = build(part.name, part.read, part.size, tell)
            _keep(content, targets, tell)
            parts.append(_described(part, content.cid))
    archive = replace(about, parts=tuple(parts))
    with _metadata(about.folder, archive, tell) as content:
        _keep(content, targets, tell)
        return Preserved(content.cid, archive)


def _rehearse(entries: tuple[Member, ...], about: Archive, size: int) -> None:
    """See, before anything is sent, that the JSON can be read in the end."""
    whole = sum(entry.size for entry in entries)
    most = 1 + (whole + whole // 1000 + _AROUND * len(entries)) // size
    try:
        legacy.rehearse(about, most)
    except Malformed as error:
        raise EaiError(
            f"the JSON on {about.folder} and its parts could not be read: {error.message}",
            hint="cut larger parts with --zip-chunk-size" if most > 1 else None,
        ) from None


def _described(part: PackedPart, cid: Cid) -> Part:
    return Part(part.name, cid, part.sha256, part.size)


def _keep(content: Content, targets: Sequence[Target], tell: Progress) -> None:
    keep((content,), targets, tell=tell, kept=lambda _: None)


@contextmanager
def _metadata(name: str, archive: Archive, tell: Progress) -> Iterator[Content]:
    data = legacy.dump(archive)
    yield build(f"{name}.json", lambda offset, length: data[offset : offset + length], len(data), tell)

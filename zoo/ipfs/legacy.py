"""The archive that Eternal Zoo and CryptoModels preserved models in: its metadata, read and written.

A model's CID names a small JSON file. It lists the parts of one gzip stream of one tar, each with its
own CID and SHA-256. Members lie in a directory `<folder>/`: the model is `<folder>/<folder>`, a file
or a directory, and its projector `<folder>/<folder>-projector`. No file has its extension.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta, Struct

from zoo.digest import Digest
from zoo.errors import Malformed
from zoo.ipfs import cid as cids
from zoo.ipfs import names
from zoo.ipfs.cid import DAG_PB, RAW, SHA2_256, Cid

METADATA_MAX = 256 << 10
"""The largest metadata, in bytes: with Kubo's defaults it was a single raw block."""
PARTS_MAX = 10_000
FOLDER_MAX = names.NAME_MAX - len(".zip.part-zaaa.tmp")
"""The longest name of a folder, in bytes: older installations download its parts under longer ones."""
ADAPTERS_MAX = 64
PROJECTOR_SUFFIX = "-projector"
LORA_METADATA = "metadata.json"
"""The name, in the model's directory, of what says which model a LoRA is for."""

_MIB = 1 << 20
_LETTERS = 26

_Short = Annotated[str, Meta(max_length=1024)]
_Number = Annotated[float, Meta(ge=0, le=1 << 40)]
_Form = TypeVar("_Form", bound=Struct)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the archive.

    Attributes:
        cid: Of the part, as a UnixFS file under a profile that is not stated.
        sha256: Of its bytes.
        size: In bytes, as written; a hint.
    """

    name: str
    cid: Cid
    sha256: Digest
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """A preserved model.

    Attributes:
        folder: The directory in the tar, and the name of the model in it.
        parts: In the order in which they are put together.
        part_mib: The size at which the stream was cut, in MiB.
        ram: Gigabytes that serving takes, as its uploader said.
        config_name: The kind of diffusion model: `flux-dev` or `flux-schnell`.
        lora: Whether the model is a LoRA, with a `metadata.json` that names its base model.
        gguf_folder: Whether the GGUF files lie in the folder by their own names.
    """

    folder: str
    parts: tuple[Part, ...]
    part_mib: int | None = None
    task: str | None = None
    family: str | None = None
    ram: float | None = None
    config_name: str | None = None
    hf_repo: str | None = None
    hf_file: str | None = None
    lora: bool = False
    gguf_folder: bool = False


@dataclass(frozen=True, slots=True)
class Lora:
    """What `metadata.json` of a LoRA says: the CID of its base model, and (path, scale) of each adapter."""

    base: Cid
    adapters: tuple[tuple[str, float], ...]


class _Part(Struct, frozen=True):
    cid: _Short
    file_hash: Annotated[str, Meta(pattern=r"^[0-9a-fA-F]{64}\Z")]
    size_mb: _Number
    file_name: _Short


class _Archive(Struct, frozen=True):
    folder_name: _Short
    files: Annotated[list[_Part], Meta(min_length=1, max_length=PARTS_MAX)]
    num_of_files: int
    chunk_size_mb: Annotated[int, Meta(ge=1)] | None = None
    task: _Short | None = None
    family: _Short | None = None
    ram: _Number | None = None
    config_name: _Short | None = None
    hf_repo: _Short | None = None
    hf_file: _Short | None = None
    lora: bool | None = None
    gguf_folder: bool | None = None


class _Lora(Struct, frozen=True):
    base_model: _Short
    lora_paths: Annotated[list[_Short], Meta(min_length=1, max_length=ADAPTERS_MAX)]
    lora_scales: list[float]


def parse(data: bytes, cid: Cid | None = None) -> Archive:
    """Read the metadata of an archive; unknown keys are ignored.

    Args:
        data: The JSON.
        cid: The model's CID where it is known: the JSON must be its one raw block.

    Raises:
        IntegrityError: The bytes are not those that the CID names.
        Malformed: They are no such metadata, or it contradicts itself.
    """
    if cid is not None:
        _check_block(cid, data)
    raw = _decode(data, _Archive, "the metadata of a preserved model")
    if raw.num_of_files != len(raw.files):
        raise Malformed(f"a preserved model lists {len(raw.files)} parts, and should have {raw.num_of_files}")
    parts = sorted((_part(part) for part in raw.files), key=lambda part: part.name)
    if len({names.folded(part.name) for part in parts}) != len(parts):
        raise Malformed("a preserved model lists a part twice")
    return Archive(
        folder=names.check_text(raw.folder_name),
        parts=tuple(parts),
        part_mib=raw.chunk_size_mb,
        task=raw.task,
        family=raw.family,
        ram=raw.ram,
        config_name=raw.config_name,
        hf_repo=raw.hf_repo,
        hf_file=raw.hf_file,
        lora=bool(raw.lora),
        gguf_folder=bool(raw.gguf_folder),
    )


def _check_block(cid: Cid, data: bytes) -> None:
    if cid.codec != RAW or cid.hash != SHA2_256:
        raise Malformed(f"{cid} is not a preserved model's CID: its metadata was always one raw block")
    cids.check(cid, data)


def _part(part: _Part) -> Part:
    size = round(part.size_mb * _MIB)
    return Part(names.check_text(part.file_name), cids.parse(part.cid), Digest.of_hex(part.file_hash), size)


def _decode(data: bytes, form: type[_Form], what: str) -> _Form:
    if len(data) > METADATA_MAX:
        raise Malformed(f"{what} has {len(data)} bytes; {METADATA_MAX} is the most")
    try:
        return msgspec.json.decode(data, type=form)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(f"{what} cannot be read: {error}") from None


def dump(archive: Archive) -> bytes:
    """Write the metadata as the old uploader's last release did, so that its downloader can read it.

    `family` was dropped before that release, and is not written.
    """
    fields = {
        "folder_name": archive.folder,
        "chunk_size_mb": archive.part_mib,
        "files": [_dump_part(part) for part in archive.parts],
        "task": archive.task,
        "ram": archive.ram,
        "config_name": archive.config_name,
        "hf_repo": archive.hf_repo,
        "hf_file": archive.hf_file,
        "lora": archive.lora,
        "gguf_folder": archive.gguf_folder,
        "num_of_files": len(archive.parts),
    }
    return json.dumps(fields, indent=4).encode()


def check_folder(name: str) -> str:
    """Take a name for a folder that is to be preserved.

    Raises:
        Malformed: Someone could not unpack it: older installations put it between quotes for a shell.
    """
    names.check_text(name)
    if "'" in name:
        raise Malformed(f"the name {name!r} has a quote, at which older installations fail")
    if len(name.encode()) > FOLDER_MAX:
        raise Malformed(f"the name {name!r} has {len(name.encode())} bytes; {FOLDER_MAX} is the most")
    return name


def rehearse(archive: Archive, parts: int) -> None:
    """See, before there are any parts, that metadata on so many of them could be read again.

    Raises:
        Malformed: It could not.
    """
    if parts > PARTS_MAX:
        raise Malformed(f"there would be {parts} parts; {PARTS_MAX} are the most")
    cid, sha256, size = cids.of(b"", DAG_PB), Digest.of_hex("0" * 64), _MIB // 3
    made = tuple(Part(part_name(archive.folder, index), cid, sha256, size) for index in range(parts))
    parse(dump(replace(archive, parts=made)))


def _dump_part(part: Part) -> dict[str, str | float]:
    return {
        "cid": str(part.cid),
        "file_hash": part.sha256.hex,
        "size_mb": part.size / _MIB,
        "file_name": part.name,
    }


def part_name(folder: str, index: int) -> str:
    """Name a part as `split` did, so that names sort as the parts follow: aa … yz, zaaa … zyzz, zzaaaa."""
    width = 2
    first, count = 0, (_LETTERS - 1) * _LETTERS
    while index - first >= count:
        first += count
        count *= _LETTERS
        width += 1
    number = index - first
    letters = []
    for _ in range(width):
        number, digit = divmod(number, _LETTERS)
        letters.append(chr(ord("a") + digit))
    return f"{folder}.zip.part-{'z' * (width - 2)}{''.join(reversed(letters))}"


def parse_lora(data: bytes) -> Lora:
    """Read the `metadata.json` of a LoRA.

    Raises:
        Malformed: It is none, has not one scale for each path, or a path leads out of its directory.
    """
    raw = _decode(data, _Lora, "the metadata of a LoRA")
    if len(raw.lora_paths) != len(raw.lora_scales):
        raise Malformed(f"a LoRA has {len(raw.lora_paths)} adapters, and {len(raw.lora_scales)} scales")
    adapters = tuple(zip(map(_clean, raw.lora_paths), raw.lora_scales, strict=True))
    return Lora(cids.parse(raw.base_model), adapters)


def _clean(path: str) -> str:
    return "/".join(names.check_text(part) for part in path.removeprefix("./").split("/"))

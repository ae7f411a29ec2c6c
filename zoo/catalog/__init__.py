"""The featured models as data, and their look-up."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from msgspec import convert

from zoo.zoofile.model import Request, Sampling, Table, Task
from zoo.zoofile.request import DEFAULT_REVISION

_DATA = Path(__file__).with_name("models.toml")
_NATIVE = "gguf"


class _Record(Table, frozen=True, kw_only=True):
    """A model as models.toml writes it; that file says what the keys mean."""

    hf: str | None = None
    file: str | None = None
    pattern: str | None = None
    mmproj: str | None = None
    task: Task = "chat"
    backend: str = _NATIVE
    architecture: str | None = None
    base: str | None = None
    family: str | None = None
    size: str | None = None
    ram: str | None = None
    cid: str | None = None
    featured: bool = False
    note: str | None = None


class _Catalogue(Table, frozen=True, kw_only=True):
    """The whole of models.toml."""

    families: dict[str, Sampling]
    models: dict[str, _Record]


class Entry(Table, frozen=True, kw_only=True):
    """A featured model.

    Attributes:
        request: Where it comes from, as a zoofile would have to say it.
        task: What it is for.
        backend: The kind of engine that it needs; `gguf` is what llama.cpp serves.
        sampling: The defaults of its family; empty where it belongs to none.
        family: The key of that family.
        size: About what it takes on disk, for people.
        ram: About what it takes in memory at 32768 tokens of context, for people.
        cid: The CID of the index of its archive on IPFS; not the CID of a file.
        architecture: Of an image model, where its engine must be told.
        base: The model that this adapter goes with.
        featured: Whether the documentation's table of models names it.
        note: What was corrected in its facts, or should be known.
    """

    name: str
    request: Request
    task: Task
    backend: str
    sampling: Sampling = Sampling()
    family: str | None = None
    size: str | None = None
    ram: str | None = None
    cid: str | None = None
    architecture: str | None = None
    base: str | None = None
    featured: bool = False
    note: str | None = None

    @property
    def supported(self) -> bool:
        """Whether this eai has an engine for it."""
        return self.backend == _NATIVE


def lookup(name: str) -> Entry | None:
    """Find the featured model of exactly this name."""
    return entries().get(name)


def search(words: str) -> list[Entry]:
    """Find the models that every word, whatever its case, fits: in name, repository, file, task or family.

    No words fit all models. The order is that of the catalogue.
    """
    wanted = words.casefold().split()
    return [entry for entry in entries().values() if all(word in _text(entry) for word in wanted)]


def near(name: str) -> list[str]:
    """Names that someone who typed this one may have meant, the nearest first; at most three."""
    from difflib import get_close_matches  # noqa: PLC0415 - only for errors

    return get_close_matches(name.casefold(), list(entries()), n=3)


@cache
def entries() -> dict[str, Entry]:
    """All featured models by name; the data is part of the program, so one reading is enough."""
    return parse(_DATA.read_text(encoding="utf-8"))


def parse(text: str) -> dict[str, Entry]:
    """Read a catalogue, written as models.toml is."""
    data: dict[str, Any] = tomllib.loads(text)
    catalogue = convert(data, _Catalogue)
    return {name: _entry(name, record, catalogue.families) for name, record in catalogue.models.items()}


def _entry(name: str, record: _Record, families: dict[str, Sampling]) -> Entry:
    return Entry(
        name=name,
        request=_request(record),
        task=record.task,
        backend=record.backend,
        sampling=Sampling() if record.family is None else families[record.family],
        family=record.family,
        size=record.size,
        ram=record.ram,
        cid=record.cid,
        architecture=record.architecture,
        base=record.base,
        featured=record.featured,
        note=record.note,
    )


def _request(record: _Record) -> Request:
    """Its origin; its archive where that is all that there is of it."""
    if record.hf is None:
        return Request(ipfs=record.cid)
    return Request(
        hf=record.hf,
        revision=DEFAULT_REVISION,
        file=record.file,
        pattern=record.pattern,
        mmproj=record.mmproj,
    )


def _text(entry: Entry) -> str:
    request = entry.request
    origin = (request.hf, request.ipfs, request.file, request.pattern)
    parts = (entry.name, *origin, entry.task, entry.family, entry.backend)
    return " ".join(part for part in parts if part).casefold()

"""Gives the files of a model their digests and names, and opens them for a look."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from zoo.digest import Digest
from zoo.errors import ZoofileError
from zoo.lock.model import Artifact, File, SourceKind
from zoo.resolve.cursor import RangeReader
from zoo.resolve.ranges import Local, Remote
from zoo.resolve.sighted import Role, Sighted
from zoo.sources.base import Found, Source
from zoo.store import Store

_ENGINE_SEPARATORS = str.maketrans(",:", "__")
"""What llama-server takes for the end of a path where it lists adapters."""


Fetch = Callable[[SourceKind, Found], tuple[Digest, int]]
"""Gets a file whose digest nobody states into the store, and says its digest and size in bytes."""


@dataclass(frozen=True, slots=True)
class Pinned:
    """A file whose digest is known.

    Attributes:
        role: What it is for.
        kind: Of source.
        uri: At that source.
        file: Its name, for the engine, and digest.
        size: In bytes.
    """

    role: Role
    kind: SourceKind
    uri: str
    file: File
    size: int

    def artifact(self) -> Artifact:
        """Its bytes, with the one source that they were found at."""
        return Artifact(digest=self.file.digest, size=self.size, **{self.kind: (self.uri,)})


def pin(sighted: tuple[Sighted, ...], fetch: Fetch) -> tuple[Pinned, ...]:
    """Give each file a digest and a name of its own; those whose digest nobody states are fetched.

    Raises:
        EaiError: One could not be fetched, or is empty.
    """
    pinned = []
    taken: set[str] = set()
    for seen in sighted:
        digest, size = seen.found.digest, seen.found.size
        if digest is None or size is None:
            digest, size = fetch(seen.kind, seen.found)
        if size == 0:
            raise ZoofileError(f"{seen.found.uri} is empty", hint="name another file")
        file = File(path=_free(seen, taken), digest=digest)
        pinned.append(Pinned(seen.role, seen.kind, seen.found.uri, file, size))
    return tuple(pinned)


def _free(seen: Sighted, taken: set[str]) -> str:
    """Give a name that no other file of the model has, whatever a filesystem takes for equal."""
    name = seen.found.path.translate(_ENGINE_SEPARATORS) if seen.role == "lora" else seen.found.path
    free, count = name, 1
    while free.casefold() in taken:
        count += 1
        free = f"{count}-{name}"
    taken.add(free.casefold())
    return free


@contextmanager
def opened(pinned: Pinned, sources: Mapping[SourceKind, Source], store: Store) -> Iterator[RangeReader]:
    """Open a file for a look: the object, if the store has it, else ranges at its source.

    Raises:
        SourceError: It cannot be had.
    """
    if store.has(pinned.file.digest):
        yield Local(store.object(pinned.file.digest))
        return
    with sources[pinned.kind].open(pinned.uri, size=pinned.size) as download:
        yield Remote(download, pinned.size)

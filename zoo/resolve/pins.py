"""Turns what a model is asked to consist of into files with digests, and opens them for a look."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from zoo.digest import Digest
from zoo.errors import SourceError, ZoofileError
from zoo.lock.model import Artifact, File, SourceKind
from zoo.lock.uri import is_clean
from zoo.resolve.cursor import RangeReader
from zoo.resolve.origins import Wanted, kind_of
from zoo.resolve.ranges import Local, Remote
from zoo.sources.base import Found, Source
from zoo.zoofile.model import Origin

Role = Literal["weights", "mmproj", "lora", "chat_template"]

_ENGINE_SEPARATORS = str.maketrans(",:", "__")
"""What llama-server takes for the end of a path where it lists adapters."""


class Objects(Protocol):
    """The store, as far as locking needs it."""

    def has(self, digest: Digest) -> bool:
        """Whether the object is there and valid."""
        ...

    def object(self, digest: Digest) -> Path:
        """Where it is."""
        ...


Fetch = Callable[[SourceKind, Found], tuple[Digest, int]]
"""Gets a file whose digest nobody states into the store, and says its digest and size in bytes."""


@dataclass(frozen=True, slots=True)
class Sighted:
    """A file that was found at a kind of source, and what it is for."""

    role: Role
    kind: SourceKind
    found: Found


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


def sight(want: Wanted, sources: Mapping[SourceKind, Source]) -> tuple[Sighted, ...]:
    """Ask the sources which files a model consists of.

    Raises:
        SourceError: One of them does not know.
        ZoofileError: It names a kind of source that this eai does not have.
    """
    origins: list[tuple[Role, Origin]] = [("weights", want.weights)]
    if want.mmproj is not None:
        origins.append(("mmproj", want.mmproj))
    origins += [("lora", origin) for origin in want.lora]
    if want.chat_template is not None:
        origins.append(("chat_template", want.chat_template))
    return tuple(seen for role, origin in origins for seen in _sight(role, origin, sources))


def _sight(role: Role, origin: Origin, sources: Mapping[SourceKind, Source]) -> Iterator[Sighted]:
    kind = kind_of(origin)
    if kind not in sources:
        raise ZoofileError(
            f"this eai cannot get files from {kind}",
            hint=f"name another origin: {', '.join(sorted(sources))}",
        )
    for found in sources[kind].find(origin):
        if not is_clean(found.path):
            raise SourceError(
                f"{found.uri!a} has the name {found.path!a}, which is no clean one for a file",
                hint="name a file whose name has no control characters, backslashes or `..`",
            )
        yield Sighted(role, kind, found)


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
def opened(pinned: Pinned, sources: Mapping[SourceKind, Source], store: Objects) -> Iterator[RangeReader]:
    """Open a file for a look: the object, if the store has it, else ranges at its source.

    Raises:
        SourceError: It cannot be had.
    """
    if store.has(pinned.file.digest):
        yield Local(store.object(pinned.file.digest))
        return
    with sources[pinned.kind].open(pinned.uri, size=pinned.size) as download:
        yield Remote(download, pinned.size)

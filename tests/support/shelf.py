"""A source without a network, and a provider without builds, which remember what they were asked."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import ClassVar

from zoo.digest import Digest
from zoo.errors import AccessDenied, EaiError, NotThere, SourceError
from zoo.fetch.events import Event
from zoo.lock.model import Artifact, Build, SourceKind, Toolchain, ToolchainRequest
from zoo.platform import PLATFORMS, Platform
from zoo.sources.base import Body, Download, Found, Member, Part
from zoo.zoofile.model import Origin


def digest_of(data: bytes) -> Digest:
    """The digest of some bytes."""
    return Digest.of_hex(hashlib.sha256(data).hexdigest())


@dataclass
class Shelf:
    """Files by repository and path (kind `hf`), or by address.

    Attributes:
        files: Of every repository, at the commit `commit`; or of every address.
        kind: Which kind of source it plays.
        states: Whether it states digests.
        commit: Of 40 digits, the same for all; changing it is as if something had been uploaded.
        asked: What was looked up.
        opened: What was opened.
        sent: How many bytes were read.
        gated: Whether files are found, and refused.
    """

    files: dict[str, dict[str, bytes]]
    kind: SourceKind = "hf"
    local: bool = False
    states: bool = True
    commit: str = "a" * 40
    asked: list[Origin] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)
    sent: int = 0
    gated: bool = False

    def find(self, origin: Origin) -> tuple[Found, ...]:
        """Look an origin up."""
        self.asked.append(origin)
        place = getattr(origin, self.kind)
        files = self.files.get(place)
        if files is None:
            raise NotThere(f"there is no {place}", hint="check the name")
        wanted = origin.file if origin.pattern is None else f"*{origin.pattern}*"
        paths = [path for path in sorted(files) if wanted is None or fnmatchcase(path, wanted)]
        if not paths:
            raise NotThere(f"{place} has no {wanted}", hint="check the name")
        revision = origin.revision or "main"
        commit = revision if len(revision) == len(self.commit) else self.commit
        return tuple(
            Found(
                path=path,
                uri=f"hf://{place}@{commit}/{path}" if self.kind == "hf" else _uri(self.kind, place),
                size=len(files[path]) if self.states else None,
                digest=digest_of(files[path]) if self.states else None,
            )
            for path in paths
        )

    @contextmanager
    def open(self, uri: str, *, size: int | None) -> Iterator[_Opened]:
        """Open a file."""
        self.opened.append(uri)
        if self.gated:
            raise AccessDenied(f"{uri} is gated", hint="accept the terms")
        for place, files in self.files.items():
            for path, data in files.items():
                if uri == _uri(self.kind, place) or (
                    uri.startswith(f"hf://{place}@") and uri.endswith(f"/{path}")
                ):
                    yield _Opened(self, data)
                    return
        raise NotThere(f"there is no {uri}")


class _Opened:
    def __init__(self, shelf: Shelf, data: bytes) -> None:
        self._shelf, self._data = shelf, data
        self.size: int | None = len(data)
        self.validator: str | None = "same"

    @contextmanager
    def read(self, start: int, stop: int | None) -> Iterator[Body]:
        """Read a range."""
        part = self._data[start:stop]
        self._shelf.sent += len(part)
        yield Body(start, iter([part]))


def _uri(kind: SourceKind, place: str) -> str:
    return place if kind == "url" else f"{kind}:{place}"


@dataclass
class Chest:
    """A source of kind `ipfs` with one archive, whatever CID is asked for."""

    members: list[tuple[str, Part, bytes]]
    spare: tuple[str, ...] = ()
    kind: ClassVar[SourceKind] = "ipfs"
    local: ClassVar[bool] = False
    looked: int = 0
    unpacked: int = 0
    breaks: bool = False
    events: list[Event] = field(default_factory=list)

    def find(self, origin: Origin) -> tuple[Found, ...]:
        """Find the archive."""
        self.looked += 1
        return (Found(path="lion.gguf", uri=f"ipfs://{origin.ipfs}", size=None, digest=None, packed=True),)

    def open(self, uri: str, *, size: int | None) -> AbstractContextManager[Download]:
        """Refuse: everything is in the store."""
        raise SourceError(uri)

    @contextmanager
    def unpack(self, uri: str, aside: Callable[[str, EaiError], None]) -> Iterator[Iterator[Member]]:
        """Unpack it."""
        self.unpacked += 1
        aside("http://bad.example", SourceError("410"))
        yield self._members(uri)

    def _members(self, uri: str) -> Iterator[Member]:
        for path, part, data in self.members:
            chunks = iter([data[:10], data[10:]])
            yield Member(
                path=path,
                uri=f"{uri}/{path}",
                size=len(data),
                part=part,
                chunks=chunks,
                spare=path in self.spare,
            )
        if self.breaks:
            raise SourceError("the rest is gone")


@dataclass
class Workshop:
    """A provider: builds of one version, of which each platform has one."""

    version: str = "b1"
    asked: list[tuple[str, ToolchainRequest]] = field(default_factory=list)

    def lock(
        self, name: str, request: ToolchainRequest, platforms: Sequence[Platform] | None
    ) -> tuple[Toolchain, tuple[Artifact, ...]]:
        """Say which builds there are."""
        self.asked.append((name, request))
        builds, artifacts = [], []
        for platform in platforms or PLATFORMS:
            data = f"{name} {self.version} {platform}".encode()
            builds.append(Build(platform=platform, variant="cpu", program="run.py", digest=digest_of(data)))
            uri = f"pypi://{name}@{self.version}/{name}-{self.version}-{platform}.whl"
            artifacts.append(Artifact(digest=digest_of(data), size=len(data), pypi=(uri,)))
        toolchain = Toolchain(name=name, request=request, version=self.version, builds=tuple(builds))
        return toolchain, tuple(artifacts)

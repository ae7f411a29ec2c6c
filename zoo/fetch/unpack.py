"""An archive whose files go into the store as they come, so that they can be locked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import ClassVar

from zoo.errors import SourceError
from zoo.fetch.artifact import Manners
from zoo.fetch.events import Progress
from zoo.fetch.unknown import fetch_unknown, told_aside
from zoo.lock.model import SourceKind
from zoo.sources.base import Body, Download, Found, Member, Source, Unpacks
from zoo.store import Store
from zoo.zoofile.model import Origin

_ONCE = Manners(tries=1)


def unpack(
    kind: SourceKind,
    uri: str,
    store: Store,
    sources: Mapping[SourceKind, Source],
    *,
    name: str,
    progress: Progress,
) -> tuple[Found, ...]:
    """Read an archive once, put every file of a model in it into the store, and say what they are.

    Args:
        kind: What kind of source it is at.
        uri: Its address there.
        store: Where the files go.
        sources: The sources by kind.
        name: What people know the archive by.
        progress: Is told what happens.

    Raises:
        SourceError: In any of its forms. What was whole by then stays in the store.
        NoSpace: The disk is full.
    """
    source = sources[kind]
    if not isinstance(source, Unpacks):
        raise SourceError(f"{uri}: sources of kind {kind} have no archives")
    found: list[Found] = []
    spare: list[Found] = []
    with source.unpack(uri, told_aside(progress, name, uri)) as members:
        for member in members:
            one = {kind: One(member)}
            digest, size = fetch_unknown(
                kind,
                member.uri,
                store,
                one,
                name=member.path,
                size=member.size,
                progress=progress,
                manners=_ONCE,
            )
            one_found = Found(path=member.path, uri=member.uri, size=size, digest=digest, part=member.part)
            (spare if member.spare else found).append(one_found)
    whole = any(each.part != "mmproj" for each in found)
    return tuple(found) if whole else (*found, *spare)


class One:
    """The newest file of an archive, as a source that has nothing else and gives it once."""

    kind: ClassVar[SourceKind] = "ipfs"
    local: ClassVar[bool] = False

    def __init__(self, member: Member) -> None:
        self.size: int | None = member.size
        self.validator: str | None = None
        self._member, self._read = member, False

    def find(self, origin: Origin) -> tuple[Found, ...]:
        """There is nothing to look for."""
        raise SourceError(f"{self._member.uri}: is no place to look for {origin}")

    @contextmanager
    def open(self, uri: str, *, size: int | None) -> Iterator[Download]:
        """Open it."""
        del uri, size
        yield self

    @contextmanager
    def read(self, start: int, stop: int | None) -> Iterator[Body]:
        """Read it.

        Raises:
            SourceError: It was read before.
        """
        del start, stop
        if self._read:
            raise SourceError(f"{self._member.uri}: an archive gives each file once")
        self._read = True
        yield Body(0, self._member.chunks, self._member.size)

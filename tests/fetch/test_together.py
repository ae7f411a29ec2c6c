"""Files of one archive come in one pass over it, and by themselves where that fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import ClassVar

import pytest
from support.fetching import Fetcher, digest_of

from zoo.errors import EaiError, Interrupted, NotThere, SourceError
from zoo.fetch.events import Finished
from zoo.lock.model import Artifact, SourceKind
from zoo.sources.base import Body, Download, Found, Member, Source
from zoo.store import Store
from zoo.zoofile.model import Origin

CID = "ipfs://bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"
FILES = {f"m/{at}.gguf": bytes([at]) * 50_000 for at in range(3)}


@dataclass
class Archive:
    """A source that has one archive, which breaks off behind so many files the first times."""

    files: dict[str, bytes] = field(default_factory=lambda: dict(FILES))
    breaks: list[int] = field(default_factory=list)
    passes: int = 0
    opened: list[str] = field(default_factory=list)
    kind: ClassVar[SourceKind] = "ipfs"
    local: ClassVar[bool] = False

    def find(self, origin: Origin) -> tuple[Found, ...]:
        """Find nothing."""
        raise NotThere(str(origin))

    @contextmanager
    def open(self, uri: str, *, size: int | None) -> Iterator[Download]:
        """Open one file, which takes a pass too."""
        self.opened.append(uri)
        data = self.files.get(uri.removeprefix(f"{CID}/"))
        if data is None:
            raise NotThere(uri)
        yield Bytes(data)

    @contextmanager
    def unpack(self, uri: str, aside: Callable[[str, EaiError], None]) -> Iterator[Iterator[Member]]:
        """Begin a pass."""
        assert uri == CID
        aside("http://bad.example", SourceError("410"))
        self.passes += 1
        yield self._members(self.breaks.pop(0) if self.breaks else len(self.files))

    def _members(self, whole: int) -> Iterator[Member]:
        for at, (place, data) in enumerate(self.files.items()):
            if at == whole:
                raise Interrupted("the connection broke")
            chunks = iter((data[:100], data[100:]))
            yield Member(path=place, uri=f"{CID}/{place}", size=len(data), part="weights", chunks=chunks)


@dataclass
class Bytes:
    """Bytes in memory."""

    data: bytes
    size: int | None = None
    validator: str | None = None

    @contextmanager
    def read(self, start: int, stop: int | None) -> Iterator[Body]:
        """Read all of them."""
        yield Body(0, iter([self.data]), len(self.data))


def wanted(*places: str) -> list[Artifact]:
    return [
        Artifact(digest=digest_of(FILES[place]), size=len(FILES[place]), ipfs=(f"{CID}/{place}",))
        for place in places or FILES
    ]


def test_all_files_of_an_archive_come_in_one_pass(store: Store) -> None:
    archive = Archive()
    fetcher = Fetcher(store, {"ipfs": archive})
    fetcher(*wanted())
    assert (archive.passes, archive.opened) == (1, [])
    assert all(store.object(digest_of(data)).read_bytes() == data for data in FILES.values())
    assert len(fetcher.of(Finished)) == len(FILES)


def test_one_file_is_opened_by_itself(store: Store) -> None:
    archive = Archive()
    Fetcher(store, {"ipfs": archive})(*wanted("m/1.gguf"))
    assert (archive.passes, archive.opened) == (0, [f"{CID}/m/1.gguf"])


def test_a_pass_that_breaks_off_leaves_the_others_to_be_got_by_themselves(store: Store) -> None:
    archive = Archive(breaks=[1])
    Fetcher(store, {"ipfs": archive})(*wanted())
    assert (archive.passes, len(archive.opened)) == (1, 2)
    assert all(store.has(digest_of(data)) for data in FILES.values())


def test_wrong_bytes_in_an_archive_are_said_of_each_file(store: Store) -> None:
    archive = Archive(files=dict.fromkeys(FILES, b"wrong" * 10_000))
    with pytest.raises(EaiError, match="content differs") as caught:
        Fetcher(store, {"ipfs": archive})(*wanted())
    assert all(digest_of(data) in caught.value.message for data in FILES.values())
    assert not any(store.has(digest_of(data)) for data in FILES.values())


def test_an_archive_that_is_not_the_first_choice_is_not_passed_over(store: Store) -> None:
    archive = Archive()
    sources: dict[SourceKind, Source] = {"ipfs": archive, "path": Near()}
    artifacts = [
        Artifact(digest=each.digest, size=each.size, ipfs=each.ipfs, path=(f"path:{each.digest}",))
        for each in wanted()
    ]
    Fetcher(store, sources)(*artifacts)
    assert (archive.passes, archive.opened) == (0, [])


class Near:
    """A local source that has every file."""

    kind: ClassVar[SourceKind] = "path"
    local: ClassVar[bool] = True

    def find(self, origin: Origin) -> tuple[Found, ...]:
        """Find nothing."""
        raise NotThere(str(origin))

    @contextmanager
    def open(self, uri: str, *, size: int | None) -> Iterator[Download]:
        """Open a file."""
        digest = uri.removeprefix("path:")
        yield Bytes(next(data for data in FILES.values() if digest_of(data) == digest))

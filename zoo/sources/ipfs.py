"""The source `ipfs`: files, directories and preserved models by their CIDs, from gateways and CAR files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import cached_property
from typing import ClassVar

from zoo.config import Ipfs as Settings
from zoo.digest import Digest
from zoo.errors import EaiError, Malformed, NotThere, SourceError
from zoo.ipfs import cid as cids
from zoo.ipfs import legacy, listing
from zoo.ipfs.cid import DAG_PB, RAW, SHA2_256, Cid
from zoo.ipfs.dagpb import BLOCK_MAX
from zoo.lock.model import SourceKind
from zoo.sources import archive as archives
from zoo.sources.archive import Unpacked
from zoo.sources.base import Body, Download, Found, Member, Part
from zoo.sources.cars import SCHEME, CarFile
from zoo.sources.directory import choose
from zoo.sources.gateways import LOCAL, PUBLIC, WAIT, Gateway
from zoo.sources.pool import LATE, Aside, Pool
from zoo.sources.unixfs_file import open_file
from zoo.sources.web import Wait, Web
from zoo.zoofile.model import Origin

_PACKED = b"{"


class Ipfs:
    """Opens CIDs.

    Args:
        web: Gives what sends requests, when it is needed.
        settings: The gateways and the routing that the user has set.
        wait: How long to wait for a gateway.
        late: Seconds after which a block is asked for at a second one.
        cars: CAR files that are asked first.
        offline: Whether nothing else is.
    """

    kind: ClassVar[SourceKind] = "ipfs"
    local: ClassVar[bool] = False

    def __init__(
        self,
        web: Callable[[], Web],
        settings: Settings,
        wait: Wait = WAIT,
        late: float = LATE,
        *,
        cars: Sequence[CarFile] = (),
        offline: bool = False,
    ) -> None:
        self._web, self._settings, self._wait, self._late = web, settings, wait, late
        self._cars, self._offline = cars, offline

    def find(self, origin: Origin) -> tuple[Found, ...]:
        """Say which files a CID, or a CID and a path, means.

        Of a directory that is the one model in it, with all of its shards, and its projector where it
        has one only. A preserved model is packed, and has to be unpacked to say more.

        Raises:
            SourceError: It can't be had, or is no model.
        """
        text, _, path = (origin.ipfs or "").partition("/")
        root = cids.parse(text)
        with closing(self._pool(root)) as pool:
            try:
                return self._find(root, path, lambda cid: pool.get(cid, BLOCK_MAX))
            except SourceError as error:
                message = error.message if text in error.message else f"{text}: {error.message}"
                raise type(error)(message, hint=error.hint) from None

    @contextmanager
    def open(self, uri: str, *, size: int | None) -> Iterator[Download]:
        """Open a file by its CID, or one in a preserved model; nothing is sent until it is read.

        Raises:
            SourceError: It is no such URI.
        """
        root, path = _parsed(uri)
        if path:
            yield _InArchive(self, root, path, size)
            return
        with open_file(root, self._pool(root), size=size) as file:
            yield file

    @contextmanager
    def unpack(self, uri: str, aside: Aside) -> Iterator[Iterator[Member]]:
        """Read a preserved model once; see `zoo.sources.base.Unpacks`."""
        root, _ = _parsed(uri)
        with self.unpacked(root, aside) as members:
            yield (
                Member(
                    path=member.path,
                    uri=f"{uri}/{member.inside}",
                    size=member.size,
                    part=member.part,
                    chunks=member.chunks,
                    spare=member.spare,
                )
                for member in members
            )

    @contextmanager
    def unpacked(self, root: Cid, aside: Aside) -> Iterator[Iterator[Unpacked]]:
        """Open a preserved model, to give its files as they come.

        Raises:
            SourceError: It cannot be had, or is none.
        """
        with closing(self._pool(root, aside)) as pool:
            archive = legacy.parse(pool.get(root, legacy.METADATA_MAX), root)

        @contextmanager
        def opened(part: legacy.Part) -> Iterator[Download]:
            with open_file(part.cid, self._pool(part.cid, aside), size=None) as file:
                yield file

        with closing(archives.members(archive, opened)) as members:
            yield members

    def _find(self, root: Cid, path: str, get: Callable[[Cid], bytes]) -> tuple[Found, ...]:
        if root.codec == RAW and not path:
            block = listing.fetch(root, get)
            if _is_archive(block):
                archive = legacy.parse(block, root)
                name = f"{archive.folder}.gguf"
                return (Found(path=name, uri=_uri(root), size=None, digest=None, packed=True),)
            return (_found(f"{root}.gguf", root, len(block)),)
        chosen = choose(root, path, get)
        return tuple(_found(each.path, each.cid, each.size, part=each.part) for each in chosen)

    def _pool(self, root: Cid, aside: Aside = lambda _, __: None) -> Pool:
        if self._offline or any(car.has(root) for car in self._cars):
            # Nobody is asked, or probed, before the files turn out to lack a block.
            gateways, more = [], self._away
        else:
            gateways, more = self._gateways, self._routed
        return Pool(gateways, cars=self._cars, more=lambda: more(root), aside=aside, late=self._late)

    def _away(self, root: Cid) -> Iterable[Gateway]:
        return () if self._offline else (*self._gateways, *self._routed(root))

    @cached_property
    def _gateways(self) -> list[Gateway]:
        """The gateways that are set, else those that eai knows, and first the one of this machine."""
        if self._settings.gateways is not None:
            return [self._gateway(url) for url in self._settings.gateways]
        local = self._gateway(LOCAL)
        return [*([local] if local.answers() else []), *map(self._gateway, PUBLIC)]

    def _gateway(self, url: str, *, stranger: bool = False) -> Gateway:
        return Gateway(url, self._web, self._wait, stranger=stranger)

    def _routed(self, root: Cid) -> Iterable[Gateway]:
        if self._settings.routing is None:
            return ()
        from zoo.sources.routing import providers  # noqa: PLC0415 - only where routing is asked for

        found = providers(self._web(), self._settings.routing, root)
        return [self._gateway(url, stranger=True) for url in found]


class _InArchive:
    """A file in a preserved model; see `zoo.sources.base.Download`. It is only read from its beginning."""

    def __init__(self, source: Ipfs, root: Cid, path: str, size: int | None) -> None:
        self.size = size
        self.validator: str | None = str(root)
        self.aside: Callable[[str, EaiError], None] = lambda _, __: None
        self._source, self._root, self._path = source, root, path

    @contextmanager
    def read(self, start: int, stop: int | None) -> Iterator[Body]:
        """Read all of it, whatever is asked for; the archive is read up to its end of it."""
        del start, stop
        with self._source.unpacked(self._root, self._tell) as members:
            for member in members:
                if member.inside == self._path:
                    if self.size not in {None, member.size}:
                        raise Malformed(f"{self._path} has {member.size} bytes there, and not {self.size}")
                    self.size = member.size
                    yield Body(0, member.chunks, member.size)
                    return
        raise NotThere(f"the preserved model {self._root} has no file {self._path!a}")

    def _tell(self, place: str, error: EaiError) -> None:
        self.aside(place, error)


def _is_archive(block: bytes) -> bool:
    return len(block) <= legacy.METADATA_MAX and block.lstrip()[:1] == _PACKED and b'"folder_name"' in block


def _found(path: str, cid: Cid, size: int | None, part: Part | None = None) -> Found:
    stated = cid.codec == RAW and cid.hash == SHA2_256
    digest = Digest.of_hex(cid.digest.hex()) if stated else None
    return Found(path=path, uri=_uri(cid), size=size, digest=digest, part=part)


def _uri(cid: Cid) -> str:
    """The canonical form, which a lock holds: version 1 in base32, whatever was written."""
    return f"{SCHEME}{Cid(1, DAG_PB, cid.hash, cid.digest) if cid.version == 0 else cid}"


def _parsed(uri: str) -> tuple[Cid, str]:
    text, _, path = uri.removeprefix(SCHEME).partition("/")
    if not uri.startswith(SCHEME):
        raise SourceError(f"{uri!a} is no ipfs:// URI")
    return cids.parse(text), path

"""A tar read once from front to back, of which only plain files come out, and links where they are wanted.

The standard library's reader takes the extended headers of strangers into memory whatever their length,
so only its reading of single headers is used here. Formats: POSIX ustar and pax, GNU.
"""

from __future__ import annotations

import stat
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol

from zoo.errors import Malformed
from zoo.ipfs import names

MEMBERS_MAX = 10_000
EXTRA_MAX = 1 << 20
"""Bytes of a long name or an extended header; xattrs of macOS are in there."""
DEPTH_MAX = 32
BLOCK = tarfile.BLOCKSIZE
_CHUNK = 1 << 20

_FILES = frozenset({tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE})
_GNU_NAME, _GNU_LINK = tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK
_PAX, _PAX_GLOBAL = (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE), tarfile.XGLTYPE


class Reader(Protocol):
    """What a tar is read from."""

    def read(self, size: int, /) -> bytes:
        """Read so many bytes; fewer only at the end."""
        ...


@dataclass(frozen=True, slots=True)
class Entry:
    """A plain file in a tar, or a symbolic link.

    Attributes:
        path: Its parts; those of an absolute path without the root.
        size: In bytes.
        chunks: Its bytes, while it is the newest entry; what is not read is skipped.
        executable: Whether its owner may run it.
        link: What a link says, unchecked; None for a file.
    """

    path: tuple[str, ...]
    size: int
    chunks: Iterator[bytes]
    executable: bool = False
    link: str | None = None


def entries(tar: Reader, *, absolute: bool = True, links: bool = False) -> Iterator[Entry]:
    """Give the plain files of a tar; directories are passed over.

    Args:
        tar: Where it is read from.
        absolute: Whether absolute paths are taken, without their root, or refused.
        links: Whether symbolic links are given too, or refused.

    Raises:
        Malformed: It is no tar, is cut, breaks a limit, or holds a link, a device, a sparse file or a
            path that leads out of it.
    """
    extra = _Extra()
    for _ in range(MEMBERS_MAX):
        info = _header(tar)
        if info is None:
            return
        if info.type in {_GNU_NAME, _GNU_LINK, *_PAX, _PAX_GLOBAL}:
            extra = _said(tar, info, extra)
            continue
        name = extra.path or info.name
        parts = _parts(name)
        if not absolute and name.startswith("/"):
            raise Malformed(f"an archive holds an absolute path, /{'/'.join(parts)!a}")
        if info.type in _FILES:
            yield from _file(tar, parts, info, extra)
        elif info.type == tarfile.SYMTYPE and links:
            yield Entry(parts, 0, iter(()), link=extra.link or info.linkname)
        elif info.type != tarfile.DIRTYPE:
            raise Malformed(f"an archive holds {'/'.join(parts)!a}, which is neither a file nor a folder")
        extra = _Extra()
    raise Malformed(f"an archive has more than {MEMBERS_MAX} members")


@dataclass(frozen=True, slots=True)
class _Extra:
    """What extended headers said of the member behind them."""

    path: str | None = None
    link: str | None = None
    size: int | None = None


def _said(tar: Reader, info: tarfile.TarInfo, before: _Extra) -> _Extra:
    data = _extra(tar, info)
    if info.type == _GNU_NAME:
        return replace(before, path=data.rstrip(b"\0").decode("utf-8", "surrogateescape"))
    if info.type == _GNU_LINK:
        return replace(before, link=data.rstrip(b"\0").decode("utf-8", "surrogateescape"))
    return _pax(data, before) if info.type in _PAX else before


def _file(tar: Reader, parts: tuple[str, ...], info: tarfile.TarInfo, extra: _Extra) -> Iterator[Entry]:
    length = info.size if extra.size is None else extra.size
    chunks = _body(tar, length)
    yield Entry(parts, length, chunks, executable=bool(info.mode & stat.S_IXUSR))
    for _chunk in chunks:
        pass
    _exactly(tar, -length % BLOCK)


def _header(tar: Reader) -> tarfile.TarInfo | None:
    """Read a header; None at the end of the tar."""
    block = _exactly(tar, BLOCK)
    try:
        info = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.EOFHeaderError:  # type: ignore[attr-defined]  # undocumented, yet what frombuf raises
        return None
    except tarfile.HeaderError as error:
        raise Malformed(f"an archive is no tar: {error}") from None
    if info.size < 0:
        raise Malformed("an archive has a member of less than no bytes")
    return info


def _extra(tar: Reader, info: tarfile.TarInfo) -> bytes:
    if info.size > EXTRA_MAX:
        raise Malformed(f"an archive has a header of {info.size} bytes; {EXTRA_MAX} is the most")
    data = _exactly(tar, info.size)
    _exactly(tar, -info.size % BLOCK)
    return data


def _pax(data: bytes, said: _Extra) -> _Extra:
    """Take the path, the link and the size from an extended header: lines of `LENGTH KEY=VALUE`."""
    start = 0
    while start < len(data):
        digits, _, _ = data[start : start + 20].partition(b" ")
        stop = start + (int(digits) if digits.isdigit() else 0)
        key, found, value = data[start + len(digits) + 1 : stop].partition(b"=")
        if not start + len(digits) < stop <= len(data) or not found or not value.endswith(b"\n"):
            raise Malformed("an archive has an extended header that cannot be read")
        if key.startswith(b"GNU.sparse."):
            raise Malformed("an archive has a sparse file, and those are not unpacked")
        said = _pair(key, value[:-1], said)
        start = stop
    return said


def _pair(key: bytes, value: bytes, said: _Extra) -> _Extra:
    if key == b"path":
        return replace(said, path=value.decode("utf-8", "surrogateescape"))
    if key == b"linkpath":
        return replace(said, link=value.decode("utf-8", "surrogateescape"))
    if key != b"size":
        return said
    if not value.isdigit() or len(value) > 19:  # noqa: PLR2004 - digits of 2^63
        raise Malformed("an archive has a member whose size is no number")
    return replace(said, size=int(value))


def _parts(path: str) -> tuple[str, ...]:
    parts = tuple(part for part in path.split("/") if part not in {"", "."})
    if len(parts) > DEPTH_MAX:
        raise Malformed(f"an archive nests {len(parts)} folders; {DEPTH_MAX} is the most")
    return tuple(names.check_text(part) for part in parts)


def _body(tar: Reader, size: int) -> Iterator[bytes]:
    left = size
    while left:
        chunk = _exactly(tar, min(_CHUNK, left))
        left -= len(chunk)
        yield chunk


def _exactly(tar: Reader, size: int) -> bytes:
    data = tar.read(size) if size else b""
    if len(data) != size:
        raise Malformed("an archive ends before it should")
    return data

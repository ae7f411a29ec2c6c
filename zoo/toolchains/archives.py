"""Lays out what the archives of one build hold in one folder, without the folder that wraps each."""

from __future__ import annotations

import posixpath
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from zoo.errors import IntegrityError
from zoo.store.names import clean, distinct
from zoo.toolchains.tarball import untar
from zoo.toolchains.unpack import Limits, unzip

_GZIP = b"\x1f\x8b"


def unpack(archives: Sequence[Path], folder: Path, *, program: str, limits: Limits | None = None) -> None:
    """Unpack archives, zip or gzipped tar, into one folder, which is there and empty.

    Where all of an archive is in one folder, as in the releases of llama.cpp, what is in there is taken
    and not the folder; unless the program is that folder, or in it.

    Args:
        archives: Paths of the archives; their names say nothing.
        folder: Where everything goes.
        program: The path of the program in the folder.
        limits: What each archive may be at most.

    Raises:
        IntegrityError: An archive is damaged, or holds what it must not; a link leads out, or to nothing;
            two archives have a file of the same name.
        EaiError: A name is not clean, or two are one.
    """
    kept = program.partition("/")[0]
    links: dict[str, str] = {}
    names: list[str] = []
    for number, archive in enumerate(archives):
        inner = folder / f".eai-archive-{number}"
        inner.mkdir()
        found = _open(archive, inner, limits)
        top = _wrapping(inner, found, kept)
        fresh = {path.removeprefix(f"{top}/") if top else path: target for path, target in found.items()}
        moved = _move(inner / top if top else inner, folder)
        shutil.rmtree(inner)
        names += [*fresh, *moved]
        links |= fresh
    distinct(names)
    _link(links, folder)


def _open(archive: Path, inner: Path, limits: Limits | None) -> Mapping[str, str]:
    with archive.open("rb") as file:
        packed = file.read(len(_GZIP)) == _GZIP
    if packed:
        return untar(archive, inner, links=True, limits=limits)
    unzip(archive, inner, limits)
    return {}


def _wrapping(inner: Path, links: Iterable[str], kept: str) -> str | None:
    """The one folder that everything is in, if there is one that is not itself wanted."""
    tops = {path.name for path in inner.iterdir()} | {link.partition("/")[0] for link in links}
    if len(tops) != 1:
        return None
    (top,) = tops
    return top if top != kept and (inner / top).is_dir() else None


def _move(source: Path, folder: Path) -> list[str]:
    """Move every file to where it belongs; their paths there."""
    names: list[str] = []
    for path in sorted(path for path in source.rglob("*") if not path.is_dir()):
        name = clean(path.relative_to(source).as_posix())
        target = folder / name
        if target.exists():
            raise IntegrityError(f"two archives of the build hold a file {name}")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            raise IntegrityError(f"{name} in an archive of the build is a file and a folder") from None
        path.rename(target)
        names.append(name)
    return names


def _link(links: Mapping[str, str], folder: Path) -> None:
    """Make the links, all of which must lead to files of the folder."""
    for path, target in links.items():
        parent = posixpath.dirname(path)
        clean(path)
        end = posixpath.normpath(posixpath.join(parent, target))
        if target.startswith("/") or "\\" in target or end.split("/")[0] == "..":
            raise IntegrityError(f"{path} in the archive links out of it, to {target[:200]!r}")
        (folder / parent).mkdir(parents=True, exist_ok=True)
        (folder / path).symlink_to(target)
    root = folder.resolve()
    for path, target in links.items():
        try:
            end_path = (folder / path).resolve(strict=True)
        except (OSError, RuntimeError):
            raise IntegrityError(
                f"{path} in the archive links to {target[:200]!r}, and there is no such file",
                hint="the archive was made wrong: take another version of the toolchain",
            ) from None
        if not end_path.is_relative_to(root) or not end_path.is_file():
            raise IntegrityError(f"{path} in the archive links to {target[:200]!r}, which is no file of it")

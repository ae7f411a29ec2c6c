"""The source `bundled`: files that eai itself brings, so that something runs with no host at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from zoo.errors import NotThere
from zoo.lock.model import SourceKind
from zoo.sources.base import Found
from zoo.sources.path import LocalDownload, open_file
from zoo.zoofile.model import Origin

FOLDER = Path(__file__).with_name("bundled")
_SCHEME = "bundled:"


class Bundled:
    """Opens the files of a folder, by their names.

    Args:
        folder: Where they lie; those of the package by default.
    """

    kind: ClassVar[SourceKind] = "bundled"
    local: ClassVar[bool] = True

    def __init__(self, folder: Path = FOLDER) -> None:
        self._folder = folder

    def names(self) -> list[str]:
        """Give the names of all bundled files."""
        if not self._folder.is_dir():
            return []
        return sorted(p.name for p in self._folder.iterdir() if p.is_file() and p.suffix == ".gguf")

    def find(self, origin: Origin) -> tuple[Found, ...]:
        """Name the file; its digest is known once the store has taken it in.

        Raises:
            SourceError: This eai brings no such file.
        """
        uri = f"{_SCHEME}{origin.bundled}"
        with self.open(uri, size=None) as download:
            return (Found(path=str(origin.bundled), uri=uri, size=download.size, digest=None),)

    @contextmanager
    def open(self, uri: str, *, size: int | None) -> Iterator[LocalDownload]:
        """Open a bundled file.

        Raises:
            SourceError: This eai brings no such file.
        """
        name = uri.removeprefix(_SCHEME)
        if name not in self.names():
            known = ", ".join(self.names()) or "none"
            raise NotThere(f"this eai bundles no file {name!r}", hint=f"it bundles {known}")
        with open_file(self._folder / name, size=size) as download:
            yield download

"""The source `pypi`: wheels in the package index that the user has configured, by project and version."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, ClassVar

from zoo.errors import NotThere, SourceError
from zoo.lock.model import SourceKind
from zoo.sources.base import Download, Found
from zoo.sources.http import Patience, open_url
from zoo.sources.index import PackageIndex
from zoo.zoofile.model import Origin

if TYPE_CHECKING:
    import httpx2

_URI = re.compile(r"pypi://(?P<project>[A-Za-z0-9._-]+)@(?P<version>[^/@]+)/(?P<filename>[^/]+)")


class Pypi:
    """Opens the files of a package index.

    Args:
        index: Says where a file is.
        client: Gives the HTTP client, when one is needed.
        patience: How long to wait for what.
    """

    kind: ClassVar[SourceKind] = "pypi"
    local: ClassVar[bool] = False

    def __init__(
        self, index: PackageIndex, client: Callable[[], httpx2.Client], patience: Patience | None = None
    ) -> None:
        self._index, self._client, self._patience = index, client, patience

    def find(self, origin: Origin) -> tuple[Found, ...]:
        """No model comes from here.

        Raises:
            SourceError: Always.
        """
        del origin
        raise SourceError("a package index has builds of engines, and no models")

    def open(self, uri: str, *, size: int | None) -> AbstractContextManager[Download]:
        """Look the file up in the index, yanked or not, and open it.

        Raises:
            NotThere: The index has no such file.
            SourceError: In any other of its forms.
        """
        match = _URI.fullmatch(uri)
        if match is None:
            raise SourceError(f"{uri!r} names no file of a package index")
        project, filename = match["project"], match["filename"]
        for file in self._index.files(project):
            if file.filename == filename:
                headers = self._index.headers(file.url)
                return open_url(self._client(), file.url, size=size, headers=headers, patience=self._patience)
        raise NotThere(f"the package index has no {filename} in project {project}")


def uri(project: str, version: str, filename: str) -> str:
    """Name a file of an index, as a lock does."""
    return f"pypi://{project}@{version}/{filename}"

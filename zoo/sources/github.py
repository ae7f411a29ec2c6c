"""The source `github`: files of a repository's releases, by their tag and their name; and its source code."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import quote

from zoo.errors import SourceError
from zoo.lock.model import SourceKind
from zoo.lock.uri import SOURCE_ARCHIVE
from zoo.sources.base import Download, Found
from zoo.sources.http import Patience, open_url
from zoo.zoofile.model import Origin

if TYPE_CHECKING:
    import httpx2

_URI = re.compile(
    r"github://(?P<repository>[A-Za-z0-9._-]+/[A-Za-z0-9._-]+)@(?P<tag>[^/@\s]+)/(?P<name>[A-Za-z0-9._-]+)"
)


class Github:
    """Opens the files of releases, and the archives that GitHub makes of tags.

    No token is sent: the files of public repositories need none.

    Args:
        server: The address of the web server that has them.
        client: Gives the HTTP client, when one is needed.
        patience: How long to wait for what.
    """

    kind: ClassVar[SourceKind] = "github"
    local: ClassVar[bool] = False

    def __init__(
        self, server: str, client: Callable[[], httpx2.Client], patience: Patience | None = None
    ) -> None:
        self._server, self._client, self._patience = server, client, patience

    def find(self, origin: Origin) -> tuple[Found, ...]:
        """No model comes from here.

        Raises:
            SourceError: Always.
        """
        del origin
        raise SourceError("releases on GitHub are builds of engines, and no models", hint="see `url`")

    def open(self, uri: str, *, size: int | None) -> AbstractContextManager[Download]:
        """Open a file of a release; nothing is sent until it is read.

        Raises:
            SourceError: It names none.
        """
        match = _URI.fullmatch(uri)
        if match is None:
            raise SourceError(f"{uri!r} names no file of a release on GitHub")
        folder, tag = f"{self._server}/{match['repository']}", quote(match["tag"], safe="")
        if match["name"] == SOURCE_ARCHIVE:
            url = f"{folder}/archive/refs/tags/{tag}.tar.gz"
        else:
            url = f"{folder}/releases/download/{tag}/{match['name']}"
        return open_url(self._client(), url, size=size, patience=self._patience)


def uri(repository: str, tag: str, name: str) -> str:
    """Name a file of a release, as a lock does; `SOURCE_ARCHIVE` is the source code at the tag."""
    return f"github://{repository}@{tag}/{name}"

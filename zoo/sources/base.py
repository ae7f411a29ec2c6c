"""What a kind of source must be able to do: say what a name is, and give ranges of its bytes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import ClassVar, Protocol

from zoo.digest import Digest
from zoo.lock.model import SourceKind
from zoo.zoofile.model import Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One file that an origin names.

    Attributes:
        path: Its name as an engine should see it: relative, clean, without folders where possible.
        uri: The source to lock, such as `hf://owner/repo@<commit>/file.gguf`.
        size: In bytes; None where the source does not say.
        digest: None where the source states none: then the file must be fetched to be locked.
    """

    path: str
    uri: str
    size: int | None
    digest: Digest | None


@dataclass(frozen=True, slots=True)
class Body:
    """Bytes as they come, and where in the file they begin and end.

    A source that cannot give ranges answers with all of the file, whatever was asked for.

    Attributes:
        start: The offset of the first byte.
        chunks: The bytes, in portions of any length.
        stop: The offset behind the last byte; None if the source doesn't say.
    """

    start: int
    chunks: Iterator[bytes]
    stop: int | None = None


class Download(Protocol):
    """A file opened at one source. Several threads may read ranges of it at the same time.

    Attributes:
        size: In bytes; None until the source has said so.
        validator: What tells this version of the file from another (an ETag, a time); None until the
            source has said so, and where it never does.
    """

    size: int | None
    validator: str | None

    def read(self, start: int, stop: int | None) -> AbstractContextManager[Body]:
        """Ask for the bytes from `start` up to, not including, `stop` (None: the end).

        Raises:
            SourceError: In any of its forms; `Interrupted` where asking again may help.
        """
        ...


class Source(Protocol):
    """A kind of place that has artifacts."""

    kind: ClassVar[SourceKind]
    local: ClassVar[bool]
    """Whether it opens no connection, so that it may be used offline."""

    def find(self, origin: Origin) -> tuple[Found, ...]:
        """Say which files an origin names, in the order in which an engine wants them.

        Raises:
            SourceError: With a message that says what is wrong with this origin, and a hint.
        """
        ...

    def open(self, uri: str, *, size: int | None) -> AbstractContextManager[Download]:
        """Open a file by its locked URI.

        Leaving the context ends whatever is still being read, on any thread.

        Raises:
            SourceError: In any of its forms.
        """
        ...

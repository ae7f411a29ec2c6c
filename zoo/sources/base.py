"""What a kind of source must be able to do: say what a name is, and give ranges of its bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol, runtime_checkable

from zoo.digest import Digest
from zoo.errors import EaiError
from zoo.lock.model import SourceKind
from zoo.zoofile.model import Origin

Part = Literal["weights", "mmproj", "lora"]
"""What a file is of a model, where the place that it was found at tells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One file that an origin names.

    Attributes:
        path: Its name as an engine should see it: relative, clean, without folders where possible.
        uri: The source to lock, such as `hf://owner/repo@<commit>/file.gguf`.
        size: In bytes; None where the source does not say.
        digest: None where the source states none: then the file must be fetched to be locked.
        part: None where the source does not tell what it is of a model.
        packed: Whether it is an archive, and what it holds is known once it was unpacked; see `Unpacks`.
    """

    path: str
    uri: str
    size: int | None
    digest: Digest | None
    part: Part | None = None
    packed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A file in an archive.

    Attributes:
        path: Its name as an engine should see it.
        uri: The source to lock, which opens this file alone.
        size: In bytes.
        part: What it is of a model.
        chunks: Its bytes, while it is the newest member.
        spare: Whether it counts only where nothing else is there but a projector.
    """

    path: str
    uri: str
    size: int
    part: Part
    chunks: Iterator[bytes]
    spare: bool = False


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


@runtime_checkable
class Several(Protocol):
    """A download from several places at once, which goes on without those that fail.

    Attributes:
        aside: Is told of each place that is put aside, and why; from any thread.
    """

    aside: Callable[[str, EaiError], None]


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


@runtime_checkable
class Unpacks(Protocol):
    """A source that has archives among its files."""

    def unpack(
        self, uri: str, aside: Callable[[str, EaiError], None]
    ) -> AbstractContextManager[Iterator[Member]]:
        """Read an archive once, and give the files of a model in it as they come.

        Args:
            uri: Of the archive, as `Found.uri` has it.
            aside: Is told of each place that is put aside, and why.

        Raises:
            SourceError: In any of its forms.
        """
        ...

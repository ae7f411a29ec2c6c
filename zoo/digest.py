"""Digests: the names of bytes.

Identity is the SHA-256 of the raw bytes, written `sha256:` and 64 lower-case hex digits. A `Digest`
can only be made from that form, so one that exists is safe to build a path from.
"""

from __future__ import annotations

import re
from typing import Self

_FORM = re.compile(r"sha256:[0-9a-f]{64}")


class Digest(str):
    """The SHA-256 digest of an artifact, as `sha256:<64 lower-case hex>`.

    Raises:
        ValueError: The text has another form.
    """

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """Check the form of the text, and take it as a digest."""
        if _FORM.fullmatch(text) is None:
            msg = f"{text!r} is no digest: it must be `sha256:` and 64 lower-case hex digits"
            raise ValueError(msg)
        return super().__new__(cls, text)

    @classmethod
    def of_hex(cls, hexdigest: str) -> Self:
        """Make a digest from 64 hex digits alone, of either case."""
        return cls(f"sha256:{hexdigest.lower()}")

    @property
    def hex(self) -> str:
        """The 64 hex digits alone."""
        return self[7:]

    @property
    def short(self) -> str:
        """The first twelve hex digits, for people."""
        return self[7:19]

"""Stores on the network that are asked before all sources, each artifact by its digest."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from zoo.digest import Digest
from zoo.errors import EaiError, NotThere

_PATH = "/eai/sha256/"


class Peers:
    """The peers of one fetch.

    Args:
        bases: Their addresses, the preferred first, as `eai store serve` prints them.
    """

    def __init__(self, bases: Iterable[str]) -> None:
        self._bases = tuple(dict.fromkeys(base.rstrip("/") for base in bases))
        self._aside: set[str] = set()
        self._gave: set[str] = set()
        self._lock = threading.Lock()

    def urls(self, digest: Digest) -> list[str]:
        """Say where an artifact would be at each peer that was not put aside."""
        with self._lock:
            return [f"{base}{_PATH}{digest.hex}" for base in self._bases if base not in self._aside]

    def __contains__(self, url: object) -> bool:
        """Whether something is asked for at a peer there."""
        return _PATH in str(url) and _base(str(url)) in self._bases

    def gave(self, url: str) -> None:
        """Remember that something came from there."""
        if url in self:
            with self._lock:
                self._gave.add(_base(url))

    def gives(self, url: str) -> bool:
        """Whether this is a peer that something came from."""
        with self._lock:
            return url in self and _base(url) in self._gave

    def blamed(self, url: str, error: EaiError) -> bool:
        """Take in that a source failed, and say whether people should hear of it.

        A peer that has not this one artifact is as it should be. One that fails otherwise is put aside
        for the rest of the fetch, and named once.
        """
        if url not in self:
            return True
        if isinstance(error, NotThere):
            return False
        base = _base(url)
        with self._lock:
            known = base in self._aside
            self._aside.add(base)
        return not known


def _base(url: str) -> str:
    return url.partition(_PATH)[0]

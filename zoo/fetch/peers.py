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
        self._lock = threading.Lock()

    def urls(self, digest: Digest) -> list[str]:
        """Say where an artifact would be at each peer that was not put aside."""
        with self._lock:
            return [f"{base}{_PATH}{digest.hex}" for base in self._bases if base not in self._aside]

    def blamed(self, url: str, error: EaiError) -> bool:
        """Take in that a source failed, and say whether people should hear of it.

        A peer that has not this one artifact is as it should be. One that fails otherwise is put aside
        for the rest of the fetch, and named once.
        """
        base, path, _ = url.partition(_PATH)
        if not path or base not in self._bases:
            return True
        if isinstance(error, NotThere):
            return False
        with self._lock:
            known = base in self._aside
            self._aside.add(base)
        return not known

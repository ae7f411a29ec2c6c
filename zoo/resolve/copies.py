"""Takes the preserved copy of a model whose origin fails, where the catalogue knows of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from zoo.errors import EaiError, NotThere, SourceError, SourcesExhausted
from zoo.fetch.events import Failed, Progress
from zoo.lock.model import Facts
from zoo.resolve.origins import Wanted
from zoo.zoofile.model import Origin


class Copies:
    """The models of one project whose origins failed.

    Args:
        wants: The models that may come from their copies.
        progress: Is told which do, and why.
    """

    def __init__(self, wants: Mapping[str, Wanted], progress: Progress) -> None:
        self._wants, self._progress = wants, progress
        self._failed: dict[str, SourceError] = {}

    def spare(self, name: str, error: EaiError) -> EaiError | None:
        """Put a model aside that has a copy; a `Judge`."""
        want = self._wants.get(name)
        if want is None or want.preserved is None or not isinstance(error, SourceError):
            return error
        self._failed[name] = error
        return None

    def wanted(self) -> dict[str, Wanted]:
        """Say what is wanted in place of that which failed, and tell people so."""
        return {name: self._instead(name) for name in self._wants if name in self._failed}

    def both(self, name: str, error: EaiError) -> EaiError:
        """Tell of the origin's failure where the copy fails as well; a `Judge`."""
        want, first = self._wants[name], self._failed[name]
        kind = SourcesExhausted if isinstance(error, SourceError) else type(error)
        hints = (first.hint, error.hint, "give it an origin of its own in zoofile.toml: hf, url or path")
        return kind(
            f"{first.message}\n  and its preserved copy ipfs://{want.preserved} failed: {error.message}",
            hint="; or ".join(dict.fromkeys(hint for hint in hints if hint)),
        )

    def require_whole(self, name: str, facts: Facts) -> None:
        """Check that a copy is all of the model.

        Raises:
            NotThere: It lacks the projector.
        """
        if self._wants[name].mmproj is not None and not facts.mmproj:
            raise NotThere("it holds no projector, which the catalogue's model has")

    def _instead(self, name: str) -> Wanted:
        want = self._wants[name]
        reason = f"{self._failed[name].message}; taking the copy preserved on IPFS, ipfs://{want.preserved}"
        self._progress(Failed(digest=None, name=name, source=f"hf://{want.weights.hf}", reason=reason))
        return replace(want, weights=Origin(ipfs=want.preserved), mmproj=None, preserved=None)

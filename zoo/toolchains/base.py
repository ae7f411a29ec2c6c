"""What a provider of toolchains must be able to do: say which builds a request means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

from zoo.lock.model import Artifact, Toolchain, ToolchainRequest
from zoo.platform import Platform

ProviderKind = Literal["pypi", "github", "source", "path"]


class Provider(Protocol):
    """A kind of place that has builds of an engine."""

    def lock(
        self, name: str, request: ToolchainRequest, platforms: Sequence[Platform] | None
    ) -> tuple[Toolchain, tuple[Artifact, ...]]:
        """Decide which version and which bytes a request means.

        Args:
            name: The toolchain's name, such as `llama-cpp`.
            request: What the zoofile asks for.
            platforms: Those that must have a build; None for all that exist.

        Raises:
            EaiError: There is no such build; a platform has none; the program is no such engine.
            SourceError: The place does not answer as it should.
        """
        ...

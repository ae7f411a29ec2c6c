"""Asks the sources which files a model consists of."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from msgspec.structs import replace

from zoo.errors import SourceError, ZoofileError
from zoo.lock.model import PartRole, SourceKind
from zoo.lock.uri import is_clean
from zoo.resolve.origins import Wanted, kind_of
from zoo.sources.base import Found, Source
from zoo.zoofile.model import Origin

if TYPE_CHECKING:
    from zoo.resolve.held import Held

Role = Literal["weights", "mmproj", "lora", "chat_template"] | PartRole

_COMMIT = re.compile(r"hf://[^@]+@(?P<commit>[0-9a-f]{40})/")


@dataclass(frozen=True, slots=True)
class Sighted:
    """A file that was found at a kind of source, and what it is for."""

    role: Role
    kind: SourceKind
    found: Found


def sight(want: Wanted, sources: Mapping[SourceKind, Source], held: Held) -> tuple[Sighted, ...]:
    """Find every file of a model; a projector is looked for at the commit that the weights are at.

    Where a place has a projector beside the weights and says so, it is taken unless another one is named.

    Args:
        want: What the model is asked to consist of.
        sources: By kind.
        held: What need not be looked up.

    Raises:
        SourceError: A source does not know.
        ZoofileError: It names a kind of source that this eai does not have.
    """
    found = held.weights or tuple(_find("weights", want.weights, sources))
    weights = tuple(seen for seen in found if seen.role == "weights")
    mmproj = held.mmproj or tuple(seen for seen in found if seen.role == "mmproj" and want.mmproj is None)
    if want.mmproj is not None and not mmproj:
        mmproj = tuple(_find("mmproj", _beside(want.mmproj, weights), sources))
    lora = (
        [held.lora[origin]] if origin in held.lora else _find("lora", origin, sources) for origin in want.lora
    )
    parts = (
        [held.parts[role, origin]] if (role, origin) in held.parts else _find(role, origin, sources)
        for role, origin in want.parts
    )
    template = () if want.chat_template is None else _find("chat_template", want.chat_template, sources)
    beside = (seen for files in (*lora, *parts) for seen in files)
    return (*weights, *mmproj, *beside, *template)


def _beside(origin: Origin, weights: tuple[Sighted, ...]) -> Origin:
    match = _COMMIT.match(weights[0].found.uri) if origin.hf is not None and weights else None
    return origin if match is None else replace(origin, revision=match["commit"])


def _find(role: Role, origin: Origin, sources: Mapping[SourceKind, Source]) -> Iterator[Sighted]:
    kind = kind_of(origin)
    if kind not in sources:
        raise ZoofileError(
            f"this eai cannot get files from {kind}",
            hint=f"name another origin: {', '.join(sorted(sources))}",
        )
    for found in sources[kind].find(origin):
        if not is_clean(found.path):
            raise SourceError(
                f"{found.uri!a} has the name {found.path!a}, which is no clean one for a file",
                hint="name a file whose name has no control characters, backslashes or `..`",
            )
        beside = role == "weights" and found.part == "mmproj"
        yield Sighted("mmproj" if beside else role, kind, found)

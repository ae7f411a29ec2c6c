"""What archives among the files of a model hold, in their place."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from zoo.errors import NotThere, ZoofileError
from zoo.lock.model import SourceKind
from zoo.resolve.sighted import Sighted
from zoo.sources.base import Found
from zoo.sources.shards import only

Unpack = Callable[[SourceKind, Found], tuple[Found, ...]]
"""Puts the files of an archive into the store, and says what they are."""


def unpacked(sighted: tuple[Sighted, ...], unpack: Unpack) -> tuple[Sighted, ...]:
    """Put the files that an archive holds where the archive stands.

    A projector in it is taken with the weights, unless another one was named.

    Raises:
        NotThere: It holds no GGUF model, or several.
        ZoofileError: It holds an adapter where a model was named.
    """
    if not any(seen.found.packed for seen in sighted):
        return sighted
    named = any(seen.role == "mmproj" for seen in sighted)
    every = [new for seen in sighted for new in (_inside(seen, unpack) if seen.found.packed else [seen])]
    return tuple(new for new in every if not (named and new.found.part == "mmproj" and new.role == "mmproj"))


def _inside(seen: Sighted, unpack: Unpack) -> Iterator[Sighted]:
    held = unpack(seen.kind, seen.found)
    wanted = {each.path: each for each in held if each.part != "mmproj"}
    if not wanted:
        raise NotThere(
            f"the preserved model {seen.found.uri} holds no GGUF file",
            hint="models of other kinds need an engine that this eai does not have",
        )
    try:
        meant = only(wanted, seen.found.uri)
    except NotThere as error:
        raise NotThere(
            error.message, hint="what is preserved can no longer change: name another model"
        ) from None
    for path in meant:
        each = wanted[path]
        if seen.role == "weights" and each.part == "lora":
            raise ZoofileError(
                f"{seen.found.uri} is an adapter, no model of its own",
                hint="name it in `lora` of the model that it was made for",
            )
        yield Sighted(seen.role, seen.kind, each)
    if seen.role == "weights":
        yield from (Sighted("mmproj", seen.kind, each) for each in held if each.part == "mmproj")

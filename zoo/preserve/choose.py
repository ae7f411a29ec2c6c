"""What of a lock is preserved: every file of its models, and where that is asked for its engine builds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from zoo.digest import Digest
from zoo.errors import EaiError, IntegrityError, UsageError
from zoo.fetch.plan import label
from zoo.lock.model import Build, Lock, Model
from zoo.store import Store


@dataclass(frozen=True, slots=True)
class Item:
    """An artifact, and the name of a file that it is in a model."""

    digest: Digest
    name: str


def models(lock: Lock, names: Iterable[str]) -> tuple[Model, ...]:
    """Give the models of these names; all of them, if none are named.

    Raises:
        UsageError: The lock has no model of a name.
    """
    there = {model.name: model for model in lock.model}
    wanted = tuple(dict.fromkeys(names)) or tuple(there)
    for name in wanted:
        if name not in there:
            near = get_close_matches(name, there, n=3) or list(there)[:10]
            hint = f"did you mean {' or '.join(near)}?" if near else "the lock has no model yet"
            raise UsageError(f"the lock has no model named {name}", hint=hint)
    if not wanted:
        raise UsageError("the lock has no model, so there is nothing to preserve", hint="`eai add` adds one")
    return tuple(there[name] for name in wanted)


def items(chosen: Iterable[Model]) -> tuple[Item, ...]:
    """Give every artifact of some models, each once."""
    found: dict[Digest, Item] = {}
    for model in chosen:
        for file in model.files():
            found.setdefault(file.digest, Item(file.digest, f"{model.name}/{file.path}"))
    return tuple(found.values())


def builds(lock: Lock, chosen: Mapping[str, Build]) -> tuple[Item, ...]:
    """Give every artifact of the builds that this machine has of the locked ones, by the toolchain's name."""
    artifacts = lock.artifacts()
    return tuple(
        Item(digest, f"{name}/{label(artifacts[digest])}")
        for name, build in chosen.items()
        for digest in build.digests()
    )


def require(wanted: Iterable[Item], store: Store) -> None:
    """See that the store has every one.

    Raises:
        EaiError: It has not.
    """
    missing = [item.name for item in wanted if not store.has(item.digest)]
    if missing:
        raise EaiError(
            "the store does not have what is to be preserved: " + ", ".join(missing), hint="run `eai fetch`"
        )


def require_intact(item: Item, store: Store) -> None:
    """Read an object again: a CID of other bytes than its digest names must never get into a lock.

    Raises:
        IntegrityError: It is corrupt, and was set aside.
    """
    if not store.intact(item.digest):
        raise IntegrityError(
            f"{item.name}: the object in the store has become corrupt, and was set aside",
            hint="run `eai fetch`: it comes again",
        )

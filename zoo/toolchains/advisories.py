"""Known faults of pinned engines: which of toolchains/advisories.toml a version still has."""

from __future__ import annotations

import re
import tomllib
from functools import cache

import msgspec

from zoo.lock.model import Lock
from zoo.toolchains.known import data

_BUILD = re.compile(r"b(?P<number>[0-9]{1,9})")


class Advisory(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A fault of an engine.

    Attributes:
        id: What it is called everywhere, such as a CVE number.
        fixed: The first version without it.
        what: What it lets happen, for people.
    """

    id: str
    fixed: str
    what: str


def open_in(toolchain: str, version: str) -> tuple[Advisory, ...]:
    """The faults that a version still has; none are known of a version that is no build number."""
    number = _number(version)
    if number is None:
        return ()
    return tuple(each for each in _known().get(toolchain, ()) if number < (_number(each.fixed) or 0))


def warnings(lock: Lock) -> tuple[str, ...]:
    """What a person is told of each locked toolchain that has known faults."""
    told = []
    for toolchain in lock.toolchain:
        if found := open_in(toolchain.name, toolchain.version):
            newest = max(found, key=lambda each: _number(each.fixed) or 0)
            faults = "".join(f"\n  {each.id}: {each.what}" for each in found)
            about = f"{toolchain.name} {toolchain.version} has known faults that {newest.fixed} has not:"
            told.append(f"{about}{faults}")
    return tuple(told)


@cache
def _known() -> dict[str, tuple[Advisory, ...]]:
    return msgspec.convert(tomllib.loads(data("advisories.toml")), dict[str, tuple[Advisory, ...]])


def _number(version: str) -> int | None:
    match = _BUILD.fullmatch(version)
    return int(match["number"]) if match else None

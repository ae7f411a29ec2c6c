"""A pinned engine keeps its faults, and eai says which."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from support.locked import lock, model

from zoo.digest import Digest
from zoo.lock.model import File
from zoo.toolchains.advisories import open_in, warnings

ONE = File(path="one.gguf", digest=Digest.of_hex("11" * 32))


@pytest.mark.parametrize(
    ("version", "first", "count"),
    [
        ("b8907", "CVE-2026-21869", 1),
        ("b8146", "CVE-2026-21869", 1),
        ("b8145", "CVE-2026-21869", 2),
        ("b1", "CVE-2026-21869", 6),
    ],
)
def test_a_build_has_the_faults_that_later_ones_mended(version: str, first: str, count: int) -> None:
    found = open_in("llama-cpp", version)
    assert (found[0].id, len(found)) == (first, count)


@pytest.mark.parametrize("version", ["b8908", "b99999", "unknown", "v0.4.0"])
def test_of_others_none_are_known(version: str) -> None:
    assert open_in("llama-cpp", version) == ()
    assert open_in("nothing-else", "b1") == ()


def test_a_lock_is_warned_of_with_the_build_that_has_none() -> None:
    locked = lock(model("a", ONE, main=True))
    assert warnings(locked) == ()
    (old,) = locked.toolchain
    (said,) = warnings(replace(locked, toolchain=(replace(old, version="b8200"),)))
    assert said.startswith("llama-cpp b8200 has known faults that b8908 has not:\n  CVE-2026-21869: ")

"""The example zoofile says all that can be said, and the example lock is what `eai lock` leaves for it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from msgspec import Struct

from zoo.lock import toml
from zoo.lock.check import validate
from zoo.lock.freshness import stale
from zoo.zoofile.model import Image, Lora, Model, Parts, Sampling, Server, Toolchain, Zoo
from zoo.zoofile.read import load, parse

ROOT = Path(__file__).parent.parent


def test_the_example_lock_is_fresh_for_the_example_zoofile() -> None:
    lock = toml.load(ROOT / "zoo.lock.example")
    validate(lock)
    assert stale(lock, load(ROOT / "zoofile.toml.example")) == ()


def test_the_example_lock_is_canonical() -> None:
    text = (ROOT / "zoo.lock.example").read_bytes().decode()
    assert toml.dumps(toml.loads(text)) == text


def test_the_example_lock_serves_every_platform_that_the_toolchain_has() -> None:
    (toolchain,) = toml.load(ROOT / "zoo.lock.example").toolchain
    assert {build.platform for build in toolchain.builds} >= {
        "linux-aarch64",
        "linux-x86_64",
        "macos-arm64",
        "macos-x86_64",
    }


def _example() -> str:
    return (ROOT / "zoofile.toml.example").read_text(encoding="utf-8")


def test_what_the_example_zoofile_has_behind_a_comment_can_be_used() -> None:
    text = re.sub(r"^# (?=\[|[a-z0-9-]+ = )", "", _example(), flags=re.MULTILINE)
    assert len(parse(text).models) == _example().count("[models.") - 1  # parts have a table of their own


@pytest.mark.parametrize("table", [Zoo, Server, Toolchain, Model, Sampling, Image, Parts, Lora])
def test_the_example_zoofile_shows_every_key(table: type[Struct]) -> None:
    words = set(re.findall(r"[a-z0-9-]+", _example()))
    assert set(table.__struct_encode_fields__) <= words

"""The example lock is what `eai lock` would leave as it is for the example zoofile."""

from __future__ import annotations

from pathlib import Path

from zoo.lock import toml
from zoo.lock.check import validate
from zoo.lock.freshness import stale
from zoo.zoofile.read import load

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

"""Tests for what changed between two locks."""

from __future__ import annotations

from types import SimpleNamespace as Make

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from zoo.lock.diff import Change, diff
from zoo.lock.model import Lock
from zoo.zoofile.model import Server

OTHER = "fedcba9876543210fedcba9876543210fedcba98"


@settings(max_examples=50)
@given(lock=st.from_type(Lock))
def test_a_lock_does_not_differ_from_itself(lock: Lock) -> None:
    assert diff(lock, lock) == ()


@settings(max_examples=25)
@given(old=st.from_type(Lock), new=st.from_type(Lock))
def test_any_two_locks_can_be_compared(old: Lock, new: Lock) -> None:
    assert bool(diff(old, new)) or {model.name for model in old.model} == {model.name for model in new.model}


def test_from_no_lock_everything_is_new(make: Make) -> None:
    new = make.lock(make.model("qwen", 1, 2, main=True), toolchains=(make.toolchain(3),))
    assert diff(None, new) == (
        Change(subject="model", name="qwen", action="added", after="0123456", files=2, size=2003),
        Change(subject="toolchain", name="llama-cpp", action="added", after="b11549", files=1, size=1003),
    )


def test_what_is_gone_is_told_with_its_size(make: Make) -> None:
    old = make.lock(make.model("qwen", 1, main=True), artifact=(make.artifact(1, url=("https://e.org/x",)),))
    assert diff(old, make.lock()) == (
        Change(subject="model", name="qwen", action="removed", before="000000010000", files=1, size=1001),
    )


def test_a_moved_pin_counts_only_new_bytes(make: Make) -> None:
    old = make.lock(make.model("qwen", 1, 2, main=True))
    new = make.lock(make.model("qwen", 1, 3, main=True))
    moved = tuple(make.artifact(number, hf=(f"hf://o/r@{OTHER}/x",)) for number in (1, 3))
    pin, *sources = diff(old, replace(new, artifact=moved))
    assert pin == Change(
        subject="model", name="qwen", action="changed", before="0123456", after="fedcba9", files=1, size=1003
    )
    assert [change.action for change in sources] == ["removed", "added"]


def test_a_changed_setting_is_told_by_its_key(make: Make) -> None:
    old = make.lock(make.model("qwen", 1, main=True))
    settings = make.settings(main=True, context_length=4096)
    new = make.lock(make.model("qwen", 1, settings=settings, memory=4000), server=Server(port=1))
    assert [(change.what, change.before, change.after) for change in diff(old, new)] == [
        ("port", "8080", "1"),
        ("settings.context-length", "32768", "4096"),
        ("memory", "4096", "4000"),
    ]


def test_a_source_more_is_told_by_file(make: Make) -> None:
    old = make.lock(make.model("qwen", 1, main=True))
    more = replace(old.artifact[0], url=("https://e.org/x",))
    assert diff(old, replace(old, artifact=(more,))) == (
        Change(
            subject="artifact", name="qwen: 1.gguf", action="added", what="source", after="https://e.org/x"
        ),
    )

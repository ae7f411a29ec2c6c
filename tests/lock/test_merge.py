"""Tests for merging locks, with the git that people have."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace as Make

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from zoo.errors import LockError
from zoo.lock import toml
from zoo.lock.check import faults, validate
from zoo.lock.merge import is_conflicted, merge, unite
from zoo.lock.model import SOURCE_KINDS, Lock
from zoo.zoofile.model import Request

CID = "ipfs://bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi"
Merge = Callable[[Lock, Lock, Lock], str]


@pytest.fixture(params=["merge", "diff3"])
def git_merge(tmp_path: Path, request: pytest.FixtureRequest) -> Merge:
    """Commit a lock, change it on two branches, merge them; what is in the file then."""

    def git(*words: str, check: bool = True) -> None:
        subprocess.run(["git", *words], cwd=tmp_path, check=check, capture_output=True)

    def commit(lock: Lock) -> None:
        toml.write(tmp_path / "zoo.lock", lock)
        git("add", ".")
        git("commit", "-qm", "lock")

    def merged(base: Lock, ours: Lock, theirs: Lock) -> str:
        git("init", "-qb", "main")
        for key, value in (("user.name", "t"), ("user.email", "t@example.org"), ("commit.gpgsign", "false")):
            git("config", key, value)
        git("config", "merge.conflictStyle", request.param)
        commit(base)
        git("checkout", "-qb", "theirs")
        commit(theirs)
        git("checkout", "-q", "main")
        commit(ours)
        git("merge", "-q", "theirs", check=False)
        return (tmp_path / "zoo.lock").read_text(encoding="utf-8")

    return merged


def lock_of(make: Make, **numbers: int) -> Lock:
    """A lock of models, each with one file of the number given."""
    models = [make.model(name, number, main=name == "a") for name, number in numbers.items()]
    return make.lock(*models, toolchains=(make.toolchain(90),))


def with_source(lock: Lock, number: int, **sources: tuple[str, ...]) -> Lock:
    artifacts = tuple(
        replace(artifact, **sources) if int(artifact.digest.hex[:8], 16) == number else artifact
        for artifact in lock.artifact
    )
    assert artifacts != lock.artifact
    return replace(lock, artifact=artifacts)


def base_of(make: Make) -> Lock:
    return lock_of(make, a=10, c=30, e=50, g=70)


def test_models_added_far_apart_merge_cleanly(make: Make, git_merge: Merge) -> None:
    text = git_merge(
        base_of(make),
        lock_of(make, a=10, b=20, c=30, e=50, g=70),
        lock_of(make, a=10, c=30, e=50, f=60, g=70),
    )
    assert not is_conflicted(text)
    assert toml.loads(text) == lock_of(make, a=10, b=20, c=30, e=50, f=60, g=70)


def test_neighbouring_models_are_both_kept(make: Make, git_merge: Merge) -> None:
    text = git_merge(
        base_of(make),
        lock_of(make, a=10, c=30, e=50, g=70, h=71),
        lock_of(make, a=10, c=30, e=50, g=70, i=72),
    )
    assert is_conflicted(text)
    merged = merge(text)
    assert merged.lock == lock_of(make, a=10, c=30, e=50, g=70, h=71, i=72)
    assert merged.kept == ("a", "c", "e", "g", "h", "i", "llama-cpp")
    assert merged.unresolved == ()


def test_preserving_two_files_merges_cleanly(make: Make, git_merge: Merge) -> None:
    base = base_of(make)
    ours, theirs = with_source(base, 10, ipfs=(CID,)), with_source(base, 30, ipfs=(CID,))
    text = git_merge(base, ours, theirs)
    assert not is_conflicted(text)
    assert toml.loads(text) == with_source(ours, 30, ipfs=(CID,))


def test_a_cid_and_a_url_for_one_file_are_both_kept(make: Make, git_merge: Merge) -> None:
    base = base_of(make)
    url = ("https://example.org/x",)
    both = with_source(base, 10, ipfs=(CID,), url=url)
    text = git_merge(base, with_source(base, 10, ipfs=(CID,)), with_source(base, 10, url=url))
    assert merge(text).lock == both


def test_two_cids_for_one_file_are_both_kept(make: Make, git_merge: Merge) -> None:
    base = base_of(make)
    other = CID[:-1] + "a"
    text = git_merge(base, with_source(base, 10, ipfs=(CID,)), with_source(base, 10, ipfs=(other,)))
    assert is_conflicted(text)
    assert merge(text).lock == with_source(base, 10, ipfs=tuple(sorted((CID, other))))


def test_upgrading_one_and_preserving_another_merges_cleanly(make: Make, git_merge: Merge) -> None:
    base = base_of(make)
    upgraded = lock_of(make, a=11, c=30, e=50, g=70)
    text = git_merge(base, upgraded, with_source(base, 50, ipfs=(CID,)))
    assert not is_conflicted(text)
    assert toml.loads(text) == with_source(upgraded, 50, ipfs=(CID,))


@pytest.mark.parametrize(
    "sources",
    [
        {"hf": ("hf://o/r@{commit}/x.gguf",)},
        {"path": ("path:x.gguf",)},
        {"url": ("https://example.org/x", "https://example.org/y")},
        {"hf": ("hf://o/r@{commit}/x.gguf",), "url": ("https://example.org/x",)},
    ],
)
@pytest.mark.parametrize("new", [31, 99])
def test_upgrading_and_preserving_the_same_conflicts_and_never_mixes_bytes(
    make: Make, git_merge: Merge, new: int, sources: dict[str, tuple[str, ...]]
) -> None:
    """Also where the new digest comes to stand in the old one's place, and a source is the same."""

    def at(lock: Lock, number: int, commit: str) -> Lock:
        written = {
            kind: tuple(uri.format(commit=commit * 40) for uri in uris) for kind, uris in sources.items()
        }
        return with_source(lock, number, **{"hf": (), **written})

    base = at(base_of(make), 30, "a")
    upgraded = at(lock_of(make, a=10, c=new, e=50, g=70), new, "b")
    text = git_merge(base, upgraded, with_source(base, 30, ipfs=(CID,)))
    assert is_conflicted(text)
    artifacts = merge(text).lock.artifacts()
    assert artifacts[make.digest(30)].ipfs == (CID,)
    assert artifacts[make.digest(new)].ipfs == ()


def test_adding_one_and_removing_another_merges(make: Make, git_merge: Merge) -> None:
    text = git_merge(
        base_of(make), lock_of(make, a=10, b=20, c=30, e=50, g=70), lock_of(make, a=10, c=30, e=50)
    )
    assert not is_conflicted(text)
    assert toml.loads(text) == lock_of(make, a=10, b=20, c=30, e=50)


def test_one_model_upgraded_twice_is_resolved_again(make: Make, git_merge: Merge) -> None:
    text = git_merge(
        base_of(make), lock_of(make, a=10, c=31, e=50, g=70), lock_of(make, a=10, c=32, e=50, g=70)
    )
    merged = merge(text)
    assert merged.unresolved == ("c",)
    assert merged.kept == ("a", "e", "g", "llama-cpp")
    assert {make.digest(31), make.digest(32)} <= merged.lock.artifacts().keys()


def test_other_settings_keep_the_pin(make: Make, git_merge: Merge) -> None:
    base = base_of(make)

    def with_context(number: int) -> Lock:
        changed = replace(base.model[1], settings=make.settings(context_length=number), memory=number)
        return replace(base, model=(base.model[0], changed, *base.model[2:]))

    merged = merge(git_merge(base, with_context(1024), with_context(2048)))
    assert merged.unresolved == ()
    assert "c" in merged.kept


def test_a_clean_merge_that_left_a_model_without_its_bytes_is_repaired(make: Make) -> None:
    whole = base_of(make)
    broken = replace(whole, artifact=whole.artifact[1:])
    merged = unite([broken])
    assert merged.unresolved == ("a",)
    assert {model.name for model in merged.lock.model} == {"c", "e", "g"}


def test_sizes_that_differ_are_believed_by_nobody(make: Make) -> None:
    one = base_of(make)
    merged = unite([one, with_source(one, 10, size=7)])
    assert merged.unresolved == ("a",)
    assert make.digest(10) not in merged.lock.artifacts()


def test_a_malformed_source_is_dropped_and_the_others_stay(make: Make) -> None:
    merged = unite([with_source(base_of(make), 10, url=("ftp://x", "https://example.org/x"))])
    assert merged.lock.artifacts()[make.digest(10)].url == ("https://example.org/x",)
    assert merged.unresolved == ()


def test_a_side_that_is_no_lock_is_refused() -> None:
    with pytest.raises(LockError, match="is no TOML"):
        merge("<<<<<<< a\nversion 1\n=======\nversion = 1\n>>>>>>> b\n")


@settings(max_examples=50)
@given(lock=st.from_type(Lock))
def test_merging_a_lock_with_itself_changes_nothing(lock: Lock) -> None:
    merged = unite([lock, lock])
    assert toml.dumps(merged.lock) == toml.dumps(lock)
    assert merged.unresolved == ()
    assert unite([merged.lock]) == merged


@settings(max_examples=25)
@given(one=st.from_type(Lock), other=st.from_type(Lock))
def test_the_order_of_the_sides_makes_no_difference(one: Lock, other: Lock) -> None:
    assert unite([one, other]) == unite([other, one])


@settings(max_examples=25)
@given(one=st.from_type(Lock), other=st.from_type(Lock))
def test_what_is_kept_agrees_with_itself_and_no_source_is_lost(one: Lock, other: Lock) -> None:
    merged = unite([one, other])
    told = [fault for fault in faults(merged.lock) if "main" not in fault and "nothing uses it" not in fault]
    assert not [fault for fault in told if "differ only in case" not in fault]
    there = merged.lock.artifacts()
    for artifact in (*one.artifact, *other.artifact):
        for kind in SOURCE_KINDS:
            assert set(getattr(artifact, kind)) <= set(getattr(there[artifact.digest], kind))


@settings(max_examples=25)
@given(one=st.from_type(Lock), other=st.from_type(Lock))
def test_a_conflict_over_everything_is_merged_as_the_two_locks_are(one: Lock, other: Lock) -> None:
    text = f"<<<<<<< HEAD\n{toml.dumps(one)}=======\n{toml.dumps(other)}>>>>>>> branch\n"
    assert merge(text) == unite([one, other])


def test_models_of_one_name_for_different_requests_are_resolved_again(make: Make) -> None:
    one = make.lock(make.model("a", 1, main=True))
    other = make.lock(make.model("a", 1, main=True, request=Request(hf="o/other", revision="main")))
    validate(one)
    assert unite([one, other]).unresolved == ("a",)

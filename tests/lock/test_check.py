"""Tests for what a lock must agree with itself about."""

from __future__ import annotations

from types import SimpleNamespace as Make

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from zoo.errors import LockError
from zoo.lock.check import faults, validate
from zoo.lock.model import Build, File, Lock
from zoo.zoofile.model import Request, Sampling


def only_fault(lock: Lock) -> str:
    found = list(faults(lock))
    assert len(found) == 1, found
    return found[0]


@settings(max_examples=50)
@given(lock=st.from_type(Lock))
def test_a_good_lock_has_no_fault(lock: Lock) -> None:
    assert not list(faults(lock))


def test_an_empty_lock_is_a_good_one(make: Make) -> None:
    validate(make.lock())


def test_the_error_lists_what_is_wrong_and_what_to_do(make: Make) -> None:
    models = [make.model(f"m{number:02}", number) for number in range(20)]
    with pytest.raises(LockError) as caught:
        validate(make.lock(*models, artifact=()), name="my.lock")
    assert caught.value.message.startswith("my.lock does not agree with itself:\n  settings.main: no model")
    assert caught.value.message.endswith("\n  and 11 more")
    assert "bad merge?" in str(caught.value.hint)


def test_a_digest_without_an_artifact_is_found(make: Make) -> None:
    lock = make.lock(make.model("qwen", 1, 2, main=True))
    lock = replace(lock, artifact=lock.artifact[:1])
    assert only_fault(lock) == f'model "qwen": 2.gguf: {make.digest(2)} has no [[artifact]]'


def test_a_build_without_an_artifact_is_found(make: Make) -> None:
    lock = make.lock(toolchains=(make.toolchain(1),), artifact=())
    assert only_fault(lock) == f'toolchain "llama-cpp": linux-aarch64: {make.digest(1)} has no [[artifact]]'


def test_an_artifact_that_nothing_uses_is_found(make: Make) -> None:
    assert (
        only_fault(make.lock(artifact=(make.artifact(7),))) == f"artifact {make.digest(7)}: nothing uses it"
    )


def test_an_artifact_that_is_there_twice_is_found(make: Make) -> None:
    lock = make.lock(make.model("qwen", 1, main=True))
    assert "it is there twice" in only_fault(replace(lock, artifact=lock.artifact * 2))


def test_an_artifact_without_a_source_is_found(make: Make) -> None:
    lock = make.lock(make.model("qwen", 1, main=True))
    bare = replace(lock.artifact[0], hf=())
    assert "it has no source" in only_fault(replace(lock, artifact=(bare,)))


def test_an_artifact_of_no_bytes_is_found(make: Make) -> None:
    lock = make.lock(make.model("qwen", 1, main=True))
    assert "size: must be at least 1" in only_fault(
        replace(lock, artifact=(replace(lock.artifact[0], size=0),))
    )


def test_a_source_that_is_there_twice_is_found(make: Make) -> None:
    lock = make.lock(make.model("qwen", 1, main=True))
    twice = replace(lock.artifact[0], hf=lock.artifact[0].hf * 2)
    assert "is there twice" in only_fault(replace(lock, artifact=(twice,)))


def test_a_malformed_source_is_found(make: Make) -> None:
    lock = make.lock(
        make.model("qwen", 1, main=True), artifact=(make.artifact(1, hf=("hf://o/r@main/x.gguf",)),)
    )
    assert "hf: 'hf://o/r@main/x.gguf' must be hf://OWNER/REPO@COMMIT/PATH" in only_fault(lock)


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (("a", "a"), 'model "a" is there twice'),
        (("a", "A"), 'model "A" and "a" differ only in case'),
        (("a", ""), "model: one has an empty name"),
    ],
)
def test_names_that_a_filesystem_would_not_tell_apart_are_found(
    make: Make, names: tuple[str, str], says: str
) -> None:
    one, other = (make.model(name, 1, main=number == 0) for number, name in enumerate(names))
    assert says in only_fault(make.lock(one, other))


@pytest.mark.parametrize("name", ["../toy", "to\ny", "<b>", "e\u0301", "a" * 129])
def test_a_name_that_no_zoofile_may_hold_is_found(make: Make, name: str) -> None:
    assert "has no good name: use up to 128" in only_fault(make.lock(make.model(name, 1, main=True)))


@pytest.mark.parametrize(
    "path", ["", "/x", "../x", "a/../x", "a//x", "./x", "a\\x", "C:x", "a\0x", "a\nx", "x/"]
)
def test_a_path_that_leaves_its_folder_or_is_odd_is_found(make: Make, path: str) -> None:
    files = (File(path=path, digest=make.digest(1)),)
    assert "must be relative and clean" in only_fault(make.lock(make.model("qwen", weights=files, main=True)))


@pytest.mark.parametrize(
    ("one", "other", "says"),
    [
        ("a.gguf", "a.gguf", "would be one file"),
        ("a.gguf", "A.GGUF", "would be one file"),
        ("e\u0301.gguf", "\u00e9.gguf", "would be one file"),
        ("a", "A/b", "lies below 'a', which is a file"),
    ],
)
def test_files_of_a_model_that_would_be_one_are_found(make: Make, one: str, other: str, says: str) -> None:
    model = make.model(
        "qwen",
        main=True,
        weights=(File(path=one, digest=make.digest(1)),),
        mmproj=(File(path=other, digest=make.digest(1)),),
    )
    assert says in only_fault(make.lock(model))


def test_two_main_models_are_found_and_none_too(make: Make) -> None:
    both = make.lock(make.model("a", 1, main=True), make.model("b", 1, main=True))
    assert only_fault(both) == "settings.main: a and b are all main, one may be"
    assert only_fault(make.lock(make.model("a", 1))) == "settings.main: no model is main, one must be"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"context_length": 0}, "settings.context-length: must be at least 1"),
        ({"batch": 0}, "settings.batch: must be at least 1"),
        ({"parallel": 5, "context_length": 4}, "less than a token for each"),
        ({"cache_ram": -1}, "settings.cache-ram"),
        ({"gpu_layers": -1}, "settings.gpu-layers"),
        ({"sampling": Sampling(presence_penalty=float("nan"))}, "settings.sampling.presence-penalty: nan"),
        ({"lora_scales": (1.0,)}, "settings.lora-scales: 1 for 0 adapters"),
    ],
)
def test_settings_that_cannot_be_are_found(make: Make, changes: dict[str, object], says: str) -> None:
    settings = make.settings(main=True, **changes)
    assert any(says in fault for fault in faults(make.lock(make.model("qwen", 1, settings=settings))))


def test_an_image_model_needs_no_context(make: Make) -> None:
    validate(make.lock(make.drawing("flux", 1)))


def test_a_model_of_nothing_is_found(make: Make) -> None:
    found = list(faults(make.lock(make.model("qwen", main=True, request=Request()))))
    assert found == ['model "qwen": request: it names nothing', 'model "qwen": weights: there are none']


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"digest": None}, "must have `digest` or `files`, and not both"),
        ({"program": "../sh"}, "program: '../sh' is no clean relative path"),
        ({"digest": None, "files": (File(path="x", digest="sha256:1"),)}, "program: 'bin' is not among"),
    ],
)
def test_a_build_that_cannot_be_is_found(make: Make, changes: dict[str, object], says: str) -> None:
    given = {"platform": "linux-x86_64", "variant": "cpu", "program": "bin", "digest": make.digest(1)}
    toolchain = make.toolchain(builds=(Build(**{**given, **changes}),))
    found = faults(replace(make.lock(), toolchain=(toolchain,)))
    assert any(says in fault for fault in found)


def test_two_builds_for_a_platform_are_found(make: Make) -> None:
    toolchain = make.toolchain(1)
    toolchain = replace(toolchain, builds=toolchain.builds * 2)
    assert "builds: 2 of them for linux-aarch64" in only_fault(make.lock(toolchains=(toolchain,)))


def test_a_toolchain_without_builds_is_found(make: Make) -> None:
    assert (
        only_fault(make.lock(toolchains=(make.toolchain(),)))
        == 'toolchain "llama-cpp": builds: there are none'
    )

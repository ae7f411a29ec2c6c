"""Tests for whether a lock is what its zoofile asks for."""

from __future__ import annotations

from types import SimpleNamespace as Make

import pytest
from msgspec.structs import replace

from zoo.errors import ZoofileError
from zoo.lock.freshness import misspelt, stale, toolchain_requests
from zoo.lock.model import Lock, ToolchainRequest
from zoo.lock.render import render
from zoo.lock.settings import settle
from zoo.zoofile.model import Model, Own, Sampling, Server, Toolchain, Zoo, Zoofile
from zoo.zoofile.request import main_model, request_of

ZOOFILE = Zoofile(
    models={
        "qwen": Model(hf="o/r", file="a.gguf"),
        "mine": Model(path="mine.gguf", context_length=8192),
    }
)


@pytest.fixture
def locked(make: Make) -> Lock:
    """A fresh lock of ZOOFILE."""
    return lock_of(make, ZOOFILE)


def lock_of(make: Make, zoofile: Zoofile) -> Lock:
    models = [
        make.model(
            name,
            number,
            request=request_of(name, model),
            settings=settle(model, make.facts(), main=name == main_model(zoofile)),
        )
        for number, (name, model) in enumerate(zoofile.models.items(), 100)
    ]
    tools = tuple(
        make.toolchain(1, 2, name=name, request=request)
        for name, request in toolchain_requests(zoofile).items()
    )
    return make.lock(*models, toolchains=tools, server=zoofile.server)


def reasons(lock: Lock, zoofile: Zoofile) -> list[str]:
    return [f"{each.subject} {each.name}: {each.reason}" for each in stale(lock, zoofile)]


def changed(**changes: object) -> Zoofile:
    """ZOOFILE with other keys of its model `mine`."""
    return replace(ZOOFILE, models={**ZOOFILE.models, "mine": replace(ZOOFILE.models["mine"], **changes)})


def test_a_lock_of_its_own_zoofile_is_fresh(locked: Lock) -> None:
    assert stale(locked, ZOOFILE) == ()


def test_a_lock_of_nothing_is_fresh_for_an_empty_zoofile(make: Make) -> None:
    assert stale(lock_of(make, Zoofile()), Zoofile()) == ()


def test_a_default_that_is_written_out_changes_nothing(locked: Lock) -> None:
    same = changed(parallel=1, batch=512, gpu_layers="all", task="chat", sampling=Sampling(seed=42))
    assert stale(locked, same) == ()


def test_what_the_catalogue_said_since_changes_nothing(make: Make, locked: Lock) -> None:
    facts = make.facts(sampling=Sampling(temperature=0.6))
    models = tuple(
        replace(
            model, facts=facts, settings=replace(model.settings, sampling=Sampling(temperature=0.6, seed=42))
        )
        for model in locked.model
    )
    assert stale(replace(locked, model=models), ZOOFILE) == ()


def test_a_changed_request_is_told_from_to(locked: Lock) -> None:
    assert reasons(locked, changed(path="other.gguf", context_length=4096)) == [
        'model mine: request changed: path "mine.gguf" → "other.gguf"'
    ]


def test_another_origin_is_told_by_its_keys(locked: Lock) -> None:
    assert reasons(locked, changed(path=None, url="https://example.org/x")) == [
        'model mine: request changed: url (none) → "https://example.org/x"',
        'model mine: request changed: path "mine.gguf" → (none)',
    ]


def test_a_changed_setting_is_told_from_to(locked: Lock) -> None:
    asked = changed(context_length=4096, sampling=Sampling(temperature=0.5), args=("--x", "y"))
    assert reasons(locked, asked) == [
        "model mine: setting changed: context-length 8192 → 4096",
        "model mine: setting changed: sampling.temperature (none) → 0.5",
        'model mine: setting changed: args (none) → ["--x", "y"]',
    ]


def test_another_main_model_is_a_change_of_both(locked: Lock) -> None:
    assert reasons(locked, changed(main=True)) == [
        "model qwen: setting changed: main true → false",
        "model mine: setting changed: main false → true",
    ]


def test_a_model_more_and_a_model_less_are_told(locked: Lock) -> None:
    asked = replace(ZOOFILE, models={"qwen": ZOOFILE.models["qwen"], "new": Model(path="n.gguf")})
    assert reasons(locked, asked) == [
        "model new: in zoofile.toml, not in zoo.lock",
        "model mine: in zoo.lock, not in zoofile.toml",
    ]


def test_a_context_beyond_the_locked_weights_is_the_zoofiles_error(locked: Lock) -> None:
    with pytest.raises(ZoofileError, match=r"mine: context-length = 200000 is more than .* 131072"):
        stale(locked, changed(context_length=200000))


def test_a_changed_server_is_told(locked: Lock) -> None:
    assert reasons(locked, replace(ZOOFILE, server=Server(port=8081))) == [
        "server server: setting changed: port 8080 → 8081"
    ]


def test_the_usual_toolchain_is_there_without_being_declared(locked: Lock) -> None:
    declared = replace(ZOOFILE, toolchain={"llama-cpp": Toolchain()})
    assert stale(locked, declared) == ()


def test_a_changed_toolchain_is_told(locked: Lock) -> None:
    asked = replace(ZOOFILE, toolchain={"llama-cpp": Toolchain(version="b1", source=Own(path="x"))})
    assert reasons(locked, asked) == [
        'toolchain llama-cpp: request changed: version "latest" → "b1"',
        'toolchain llama-cpp: request changed: from "pypi" → { path = "x" }',
    ]


def test_another_toolchain_is_told(locked: Lock) -> None:
    assert reasons(locked, replace(ZOOFILE, toolchain={"other": Toolchain()})) == [
        "toolchain other: in zoofile.toml, not in zoo.lock"
    ]


def test_the_order_of_platforms_and_variants_changes_nothing() -> None:
    one = Zoofile(zoo=Zoo(platforms=("macos-arm64", "linux-x86_64")))
    other = Zoofile(zoo=Zoo(platforms=("linux-x86_64", "macos-arm64", "linux-x86_64")))
    assert toolchain_requests(one) == toolchain_requests(other)
    assert toolchain_requests(one)["llama-cpp"] == ToolchainRequest(
        version="latest", source="pypi", variant="cpu", platforms=("linux-x86_64", "macos-arm64")
    )


def test_a_platform_without_a_build_is_told(make: Make) -> None:
    asked = replace(ZOOFILE, zoo=Zoo(platforms=("linux-x86_64", "macos-arm64")))
    assert reasons(lock_of(make, asked), asked) == ["toolchain llama-cpp: platform macos-arm64 has no build"]


def test_a_lock_in_other_words_is_told(locked: Lock) -> None:
    text = render(locked)
    assert misspelt(locked, text) == ()
    assert misspelt(locked, text.replace("\n", "\r\n")) == ()
    assert misspelt(locked, text + "# mine\n")[0].name == "zoo.lock"

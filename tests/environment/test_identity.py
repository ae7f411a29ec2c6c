"""What the environment's id follows from, and what it does not."""

from __future__ import annotations

import msgspec
import pytest
from msgspec.structs import replace
from support.locked import chosen, lock, model

from zoo.digest import Digest
from zoo.environment.identity import environment_id
from zoo.lock.model import Artifact, File, Lock, Model, Recipe
from zoo.platform import current
from zoo.zoofile.model import Request, Sampling, Server

ONE = File(path="one.gguf", digest=Digest.of_hex("11" * 32))
TWO = File(path="two.gguf", digest=Digest.of_hex("22" * 32))
BASE = lock(model("a", ONE, main=True), model("b", TWO))


def _with_first(**changes: object) -> Lock:
    return lock(model("a", ONE, main=True, **changes), model("b", TWO))


def _id(locked: Lock) -> str:
    return environment_id(locked, current(), chosen(locked))


def test_it_is_64_hex_digits() -> None:
    assert len(_id(BASE)) == 64
    assert set(_id(BASE)) <= set("0123456789abcdef")


@pytest.mark.parametrize(
    "changed",
    [
        lock(model("a", TWO, main=True), model("b", TWO)),
        lock(model("z", ONE, main=True), model("b", TWO)),
        lock(model("b", TWO), model("a", ONE, main=True)),
        lock(model("a", ONE), model("b", TWO, main=True)),
        _with_first(context_length=2048),
        _with_first(sampling=Sampling(seed=7)),
        _with_first(args=("--kv-unified",)),
        _with_first(task="embed"),
        _with_first(aliases=("one",)),
        _with_first(mmproj=(TWO,)),
        _with_first(chat_template=(TWO,)),
        lock(*BASE.model, wheel=Digest.of_hex("cd" * 32)),
        lock(*BASE.model, server=Server(unknown_model="error")),
    ],
)
def test_what_decides_behaviour_is_in_it(changed: Lock) -> None:
    assert _id(changed) != _id(BASE)


def test_the_platform_is_in_it() -> None:
    assert environment_id(BASE, "macos-arm64", chosen(BASE, "macos-arm64")) != _id(BASE)


def test_a_scale_is_in_it() -> None:
    louder, softer = (_with_first(lora=(TWO,), lora_scales=(scale,)) for scale in (1.0, 0.5))

    assert _id(louder) != _id(softer)


def _preserved(artifact: Artifact) -> Artifact:
    return msgspec.structs.replace(artifact, ipfs=("ipfs://bafy",))


def _asked_otherwise(each: Model) -> Model:
    return msgspec.structs.replace(each, request=Request(hf="a/b", file="c.gguf"), memory=99)


@pytest.mark.parametrize(
    "same",
    [
        msgspec.structs.replace(BASE, artifact=tuple(map(_preserved, BASE.artifact))),
        msgspec.structs.replace(BASE, model=tuple(map(_asked_otherwise, BASE.model))),
        msgspec.structs.replace(BASE, server=Server(port=9999, memory="4GiB", idle_timeout="1m")),
    ],
)
def test_what_decides_nothing_is_not_in_it(same: Lock) -> None:
    assert _id(same) == _id(BASE)


def test_a_recipe_is_in_it() -> None:
    def built(*flags: str) -> Lock:
        (toolchain,) = BASE.toolchain
        recipe = Recipe(folder="llama.cpp", flags=flags, targets=("llama-server",))
        builds = tuple(replace(build, recipe=recipe) for build in toolchain.builds)
        return replace(BASE, toolchain=(replace(toolchain, builds=builds),))

    assert len({_id(BASE), _id(built()), _id(built("GGML_AVX=OFF"))}) == 3


def test_source_code_whose_tree_is_locked_is_the_same_however_it_was_packed() -> None:
    def built(digest: str, tree: str | None) -> Lock:
        (toolchain,) = BASE.toolchain
        recipe = Recipe(folder="llama.cpp", flags=(), targets=("llama-server",))
        more = {"recipe": recipe, "tree": tree, "digest": Digest.of_hex(digest * 32)}
        builds = tuple(replace(build, **more) for build in toolchain.builds)
        return replace(BASE, toolchain=(replace(toolchain, builds=builds),))

    assert _id(built("aa", "cc" * 32)) == _id(built("bb", "cc" * 32))
    assert len({_id(built("aa", tree)) for tree in ("cc" * 32, "dd" * 32, None)}) == 3
    assert _id(built("aa", None)) != _id(built("bb", None))

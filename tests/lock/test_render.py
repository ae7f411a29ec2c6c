"""Tests for the canonical text of a lock."""

from __future__ import annotations

import random
import tomllib
from types import SimpleNamespace as Make

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from zoo.errors import LockError
from zoo.lock.model import Lock
from zoo.lock.render import render
from zoo.zoofile.model import Sampling, Server


def server_text(make: Make, host: str) -> str:
    return render(make.lock(server=Server(host=host))).split("\n[server]\n")[1].splitlines()[0]


@settings(max_examples=50)
@given(lock=st.from_type(Lock), seed=st.integers())
def test_the_order_in_which_a_lock_is_put_together_changes_no_byte(lock: Lock, seed: int) -> None:
    shuffle = random.Random(seed)

    def mixed(items: tuple[object, ...]) -> tuple[object, ...]:
        return tuple(shuffle.sample(items, len(items)))

    other = replace(
        lock,
        model=mixed(tuple(replace(model, weights=mixed(model.weights)) for model in lock.model)),
        toolchain=mixed(tuple(replace(tool, builds=mixed(tool.builds)) for tool in lock.toolchain)),
        artifact=mixed(tuple(replace(each, url=mixed(each.url)) for each in lock.artifact)),
    )
    assert render(other) == render(lock)


@given(text=st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_is_read_again_by_the_standard_library(text: str) -> None:
    written = render(Lock(version=1, server=Server(host=text)))
    assert tomllib.loads(written)["server"]["host"] == text
    assert "\r" not in written


def test_what_cannot_be_seen_is_escaped(make: Make) -> None:
    assert server_text(make, 'a"b\\c\n\r\t\b\f\0\x1b\x7f\x85') == (
        r'host = "a\"b\\c\n\r\t\b\f\u0000\u001B\u007F\u0085"'
    )
    assert server_text(make, "\u202e\u2066\u2028\ufeff\u200b") == r'host = "\u202E\u2066\u2028\uFEFF\u200B"'


def test_what_can_be_seen_is_written_as_it_is(make: Make) -> None:
    assert server_text(make, "Größe 模型 🦙") == 'host = "Größe 模型 🦙"'


def test_half_a_character_is_refused(make: Make) -> None:
    with pytest.raises(LockError, match="half a character"):
        server_text(make, "\ud800")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1.0"),
        (0.1, "0.1"),
        (-0.0, "0.0"),
        (1e-7, "0.0000001"),
        (1e16, "10000000000000000.0"),
        (1.5e300, "15" + "0" * 299 + ".0"),
    ],
)
def test_numbers_are_written_without_exponents(make: Make, value: float, text: str) -> None:
    settings = make.settings(main=True, sampling=Sampling(presence_penalty=value))
    assert f"presence-penalty = {text} }}" in render(make.lock(make.model("qwen", 1, settings=settings)))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_number_is_refused(make: Make, value: float) -> None:
    settings = make.settings(sampling=Sampling(presence_penalty=value))
    with pytest.raises(LockError, match="is no number"):
        render(make.lock(make.model("qwen", 1, settings=settings)))


def test_adapters_keep_their_order_and_shards_are_put_into_theirs(make: Make) -> None:
    files = make.model("x", 3, 1, 2).weights
    model = make.model("qwen", weights=files, lora=files)
    weights, lora = render(make.lock(model)).split("weights = ")[1].split("lora = ")
    assert weights.index("1.gguf") < weights.index("2.gguf") < weights.index("3.gguf")
    assert lora.index("3.gguf") < lora.index("1.gguf") < lora.index("2.gguf")


def test_the_variants_of_a_request_are_sorted(make: Make) -> None:
    request = replace(make.toolchain().request, variant={"macos-arm64": "metal", "linux-x86_64": "vulkan"})
    text = render(make.lock(toolchains=(make.toolchain(1, request=request),)))
    assert 'variant = { "linux-x86_64" = "vulkan", "macos-arm64" = "metal" } }' in text


def test_a_line_holds_one_source(make: Make) -> None:
    urls = ("https://b.example/x", "https://a.example/x", "https://b.example/x")
    text = render(make.lock(artifact=(make.artifact(1, url=urls),)))
    assert text.endswith(
        'url = [  # 000000010000\n    "https://a.example/x",\n    "https://b.example/x",\n]  # 000000010000\n'
    )

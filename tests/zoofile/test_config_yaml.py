"""The config.yaml of older installations is read as they read it, and distrusted as any text."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.errors import ZoofileError
from zoo.zoofile.config_yaml import Entry, read

WHOLE = """\
port: 9000
host: 0.0.0.0
models:
  big:
    model: gpt-oss-20b
    on_demand: True
  eyes:
    hf_repo: unsloth/medgemma-27b-it-GGUF
    model: medgemma-27b-it-Q8_0.gguf
    mmproj: mmproj-F16.gguf
    task: chat
    backend: gguf
    context_length: 4096
    on_demand: False
"""
# Each level names the one before nine times: few bytes, and 9 to the 8th nodes.
BOMB = "a: &a [x]\n" + "".join(
    f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)


def test_every_key_is_read_and_the_first_that_is_not_on_demand_is_main() -> None:
    config = read(WHOLE)
    assert (config.host, config.port, config.main) == ("0.0.0.0", 9000, "eyes")
    assert config.models["big"] == Entry(model="gpt-oss-20b", on_demand=True)
    assert config.models["eyes"].context_length == 4096
    assert config.lines == {"big": 4, "eyes": 7}


def test_where_all_are_on_demand_the_first_is_main() -> None:
    config = read("models:\n  a: {model: x, on_demand: true}\n  b: {model: y, on_demand: true}\n")
    assert (config.main, config.host, config.port) == ("a", "0.0.0.0", 8080)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("models: {}", "config.yaml names no models"),
        ("", "config.yaml holds no keys"),
        ("[1]", "config.yaml holds no keys"),
        ("port: x\nmodels: {a: {}}", "config.yaml:1: port: expected `int`, got `str`"),
        ("port: 0\nmodels: {a: {}}", "config.yaml:1: port: expected `int` >= 1"),
        ("port: 80", "missing required field `models`"),
        (
            "models:\n  a:\n    model: [1]\n",
            "config.yaml:3: models.a.model: expected `str | null`, got `array`",
        ),
        ("models:\n  a:\n    modl: x\n", "config.yaml:3: models.a.modl is no key of a config.yaml"),
        ("models:\n  a: 3\n", "config.yaml:1: models: expected `object`, got `int`"),
        ("models: [\n", "config.yaml:2:1: this is no YAML"),
        ("models: *a\n", "config.yaml:1:9: this is no YAML: found undefined alias 'a'"),
        ("models: !!python/object/apply:os.system [ls]\n", "could not determine a constructor"),
        ("models:\n  ? [1, 2]\n  : {}\n", "this is no YAML"),
        (BOMB, "this is more than a config.yaml can need"),
        ("a: &a {b: *a}\n", "this is more than a config.yaml can need"),
        ("[" * 5000, "is nested too deeply"),
        ("x" * (1 << 20) + "y", "is larger than 1 MiB"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text: str, message: str) -> None:
    with pytest.raises(ZoofileError) as caught:
        read(text)
    assert message in caught.value.message


@given(st.text(alphabet="models: \n-{}[]&*!?|>'\"#abc0123", max_size=80))
def test_no_text_does_anything_but_be_read_or_refused(text: str) -> None:
    with contextlib.suppress(ZoofileError):
        assert read(text).models

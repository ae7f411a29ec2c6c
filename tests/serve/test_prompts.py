"""Tests for what sd-server may not read in a prompt."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.serve.prompts import clean, ordered

# As sd-server looks for them, in examples/server/routes_openai.cpp and examples/common/common.cpp.
EXTRA = re.compile(r"<sd_cpp_extra_args>(.*?)</sd_cpp_extra_args>")
LORA = re.compile(r"<lora:([^:>]+):([^>]+)>")

PIECES = (
    "<sd_cpp_extra_args>",
    "</sd_cpp_extra_args>",
    "<lora:",
    "a:1>",
    "<lo",
    "ra:",
    "<sd_cpp",
    "{}",
    "\n",
    "x",
)


@pytest.mark.parametrize(
    ("prompt", "left"),
    [
        ("a cat", "a cat"),
        ("a <b> cat", "a <b> cat"),
        ('a<sd_cpp_extra_args>{"seed":\n1}</sd_cpp_extra_args> cat', "a cat"),
        ("<lora:x:1>a cat<lora:/etc/passwd:0.5>", "a cat"),
        ("a <lo<lora:x:1>ra:y:1> cat", "a <lo ra:y:1> cat"),
        ("a\x00\r\n\t cat ", "a cat"),
        ("<lora:x:1>", ""),
    ],
)
def test_orders_are_taken_out_of_a_prompt(prompt: str, left: str) -> None:
    assert clean(prompt) == left


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join), st.text())
def test_whatever_is_sent_the_engine_finds_only_our_orders(prompt: str, negative: str) -> None:
    orders = {"seed": 1, "negative_prompt": negative + prompt}

    sent = ordered(clean(prompt), orders)

    assert LORA.search(sent) is None
    (found,) = EXTRA.findall(sent)
    assert json.loads(found) == orders

"""File names of strangers: what may become a path on this machine."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.errors import Malformed
from zoo.ipfs import names


@pytest.mark.parametrize(
    "name", ["a", "é-ü.bin", "console", "model:latest", "com", "x" * 255, ".hidden", "模型.gguf"]
)
def test_a_plain_name_may_be(name: str) -> None:
    assert names.check(name.encode()) == name


@pytest.mark.parametrize(
    "name", ["COM1", "lpt9.txt", "NUL .x", "c:", "Z:a", "a\u2028b", "a\x7f", "a\u0085", "é" * 128, "\ud800"]
)
def test_a_name_that_is_more_than_a_name_may_not(name: str) -> None:
    with pytest.raises(Malformed):
        names.check_text(name)


def test_names_that_some_file_system_holds_for_equal_are_equal() -> None:
    assert names.folded("E\u0301") == names.folded("é")
    assert names.folded("Straße") == names.folded("STRASSE")


@given(st.binary(max_size=300))
def test_any_bytes_are_a_name_or_malformed(raw: bytes) -> None:
    try:
        name = names.check(raw)
    except Malformed:
        return
    assert name.encode() == raw
    assert "/" not in name
    assert name.isprintable() or any(ord(letter) > 0x7F for letter in name)

"""Tests for reading the headers of safetensors files, whatever they hold."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.errors import ZoofileError
from zoo.resolve.safetensors import Tensor, looks_like, read


@dataclass
class Bytes:
    """Bytes to read from; `said` is the size that is stated."""

    data: bytes
    size: int | None = None
    read_to: int = field(default=0)

    def read(self, offset: int, length: int) -> bytes:
        self.read_to = max(self.read_to, offset + length)
        return self.data[offset : offset + length]


def file(header: object, body: int = 0) -> bytes:
    told = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(told).to_bytes(8, "little") + told + bytes(body)


def entry(kind: str, shape: list[int], begin: int, end: int) -> dict[str, object]:
    return {"dtype": kind, "shape": shape, "data_offsets": [begin, end]}


def test_tensors_are_listed_with_their_types() -> None:
    tensors = {
        "a": entry("F16", [2, 3], 0, 12),
        "b": entry("I64", [], 12, 20),
        "c": entry("F4_NEW", [9], 20, 25),
    }
    data = file({"__metadata__": {"format": "pt"}, **tensors}, body=25)

    found = read(Bytes(data, len(data)), "x")

    assert looks_like(data)
    assert found == (Tensor("a", "F16", 6), Tensor("b", "I64", 1), Tensor("c", "F4_NEW", 9))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "cut short"),
        (b"\xff" * 16, "longer than 64 MiB"),
        (file({}, 0)[:-1], "cut short"),
        (file(b"[]"), "not as it must be"),
        (file(b'{"a"'), "not as it must be"),
        (file(b"{" * 1000), "not as it must be"),
        (file({"a": {"dtype": "F32"}}), "not as it must be"),
        (file({"a": entry("F32", [1] * 9, 0, 4)}), "not as it must be"),
        (file({"a": entry("F32", [-1], 0, 4)}), "not as it must be"),
        (file({"a": entry("F32", [2], 0, 4)}, 4), "'a' lies from 0 to 4"),
        (file({"a": entry("F32", [1], 8, 4)}, 8), "'a' lies from 8 to 4"),
        (file({"a": entry("F32", [1], 0, 4)}, 3), "cut short"),
        (file({"a": entry("F32", [2**53, 2**53], 0, 4)}, 4), "'a' lies from 0 to 4"),
    ],
)
def test_a_file_that_no_engine_could_load_is_refused(data: bytes, says: str) -> None:
    with pytest.raises(ZoofileError, match=says):
        read(Bytes(data, len(data)), "x")


def test_a_file_of_unknown_size_is_read_no_further_than_its_header() -> None:
    data = file({"a": entry("F32", [1], 0, 4)}, 4)
    reader = Bytes(data)

    assert len(read(reader, "x")) == 1
    assert reader.read_to == len(data) - 4


@given(st.binary(max_size=300) | st.binary(max_size=200).map(lambda b: file(b"{" + b + b"}")))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(ZoofileError):
        read(Bytes(data, len(data)), "x")

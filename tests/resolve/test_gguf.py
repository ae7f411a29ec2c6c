"""Headers of GGUF files are read as the reference writes them, and bounded."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterable
from pathlib import Path

import gguf as reference
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.memory import Memory, whole

from zoo.errors import EaiError, ZoofileError
from zoo.resolve import cursor, ggml
from zoo.resolve.facts import facts
from zoo.resolve.gguf import Array, read

STRING, ARRAY, U32, I8 = 8, 9, 4, 1


def text(value: str | bytes) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return struct.pack("<Q", len(data)) + data


def entry(key: str, kind: int, value: bytes) -> bytes:
    return text(key) + struct.pack("<I", kind) + value


def tensor(name: str, shape: Iterable[int], kind: int, offset: int) -> bytes:
    sizes = tuple(shape)
    return text(name) + struct.pack(f"<I{len(sizes)}QIQ", len(sizes), *sizes, kind, offset)


def header(
    entries: Iterable[bytes] = (), tensors: Iterable[bytes] = (), *, version: int = 3, order: str = "<"
) -> bytes:
    every, listed = list(entries), list(tensors)
    start = b"GGUF" + struct.pack(f"{order}IQQ", version, len(listed), len(every))
    return start + b"".join(every) + b"".join(listed)


def test_every_value_that_the_reference_writes_is_read(tmp_path: Path) -> None:
    path = tmp_path / "odd.gguf"
    writer = reference.GGUFWriter(path, "llama")
    writer.add_uint8("a.u8", 255)
    writer.add_int8("a.i8", -128)
    writer.add_uint16("a.u16", 65535)
    writer.add_int16("a.i16", -32768)
    writer.add_uint32("a.u32", 2**32 - 1)
    writer.add_int32("a.i32", -(2**31))
    writer.add_uint64("a.u64", 2**64 - 1)
    writer.add_int64("a.i64", -(2**63))
    writer.add_float32("a.f32", 0.5)
    writer.add_float64("a.f64", 0.25)
    writer.add_bool("a.yes", val=True)
    writer.add_string("a.text", "grüße 🦁")
    writer.add_array("a.numbers", [1, 2, 3])
    writer.add_array("a.flags", [True, False])
    writer.add_array("a.texts", ["one", "two"])
    writer.add_tensor("weights", np.zeros((3, 64), np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    data = path.read_bytes()

    found = read(whole(data), "odd.gguf")

    theirs = reference.GGUFReader(path)
    assert {**found.values} == {
        "general.architecture": "llama",
        "a.u8": 255,
        "a.i8": -128,
        "a.u16": 65535,
        "a.i16": -32768,
        "a.u32": 2**32 - 1,
        "a.i32": -(2**31),
        "a.u64": 2**64 - 1,
        "a.i64": -(2**63),
        "a.f32": 0.5,
        "a.f64": 0.25,
        "a.yes": True,
        "a.text": "grüße 🦁",
        "a.numbers": Array(3, (1, 2, 3)),
        "a.flags": Array(2, (True, False)),
        "a.texts": Array(2, None),
    }
    [mine], [other] = found.tensors, theirs.tensors
    assert (mine.name, mine.shape, mine.size) == (other.name, tuple(other.shape), other.n_bytes)
    assert found.data_offset == theirs.data_offset


def test_version_2_is_read_as_version_3() -> None:
    data = header([entry("general.architecture", STRING, text("llama"))], version=2)

    assert read(whole(data), "old.gguf").text("general.architecture") == "llama"


def test_block_sizes_are_those_of_the_reference() -> None:
    theirs = {kind.value: sizes for kind, sizes in reference.GGML_QUANT_SIZES.items()}
    del theirs[reference.GGMLQuantizationType.Q8_1]  # in no file, and told differently by older references

    assert {
        kind: (known.elements, known.size) for kind, known in ggml.TENSOR_TYPES.items() if kind in theirs
    } == theirs


def test_file_types_are_named_as_in_the_reference() -> None:
    theirs = {
        each.value: each.name.removeprefix("MOSTLY_").removeprefix("ALL_") for each in reference.LlamaFileType
    }
    del theirs[ggml.GUESSED]

    assert {kind: name for kind, name in ggml.FILE_TYPES.items() if kind in theirs} == theirs


def test_long_arrays_are_not_kept_and_numbers_not_even_fetched() -> None:
    scores = struct.pack("<IQ", U32, 1_000_000) + bytes(4_000_000)
    tokens = struct.pack("<IQ", STRING, 200_000) + text("token") * 200_000
    data = header(
        [
            entry("tokenizer.ggml.scores", ARRAY, scores),
            entry("tokenizer.ggml.tokens", ARRAY, tokens),
            entry("general.architecture", STRING, text("llama")),
        ]
    )
    reader = whole(data)

    found = read(reader, "big.gguf")

    assert found.values["tokenizer.ggml.scores"] == Array(1_000_000, None)
    assert found.count("tokenizer.ggml.tokens") == 200_000
    assert found.text("general.architecture") == "llama"
    assert len(reader.reads) < 8
    assert sum(length for _, length in reader.reads) < len(data)


@pytest.mark.parametrize(
    ("data", "begins"),
    [
        (b"", "nothing: it is empty"),
        (b"<!DOCTYPE html>", "'<!DO'"),
        (b"version https://git-lfs.github.com/spec/v1\n", "'vers'"),
        (b"\x00\x01\x02\x03\x04\x05\x06\x07", r"'\x00\x01\x02\x03'"),
        (b"PK", "'PK'"),
    ],
)
def test_what_is_no_gguf_file_is_refused_by_its_beginning(data: bytes, begins: str) -> None:
    with pytest.raises(ZoofileError) as caught:
        read(whole(data), "mine: page.gguf")

    assert caught.value.message == f"mine: page.gguf is no GGUF file: it begins with {begins}"
    assert caught.value.hint is not None


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (header(version=3, order=">"), "big-endian"),
        (header(version=1), "version 1"),
        (header(version=4), "version 4"),
        (b"GGUF" + struct.pack("<IQQ", 3, 2**60, 0), f"it claims {2**60} tensors"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 2**60), f"it claims {2**60} keys"),
        (header([struct.pack("<Q", 2**62)]), "bytes long"),
        (header([text(b"\xff\xfe")]), "no text"),
        (header([text("")]), "an empty key"),
        (header([entry("a", 77, b"")]), "unknown type 77"),
        (header([entry("a", ARRAY, struct.pack("<IQ", ARRAY, 1))]), "array of the unknown type 9"),
        (header([entry("a", ARRAY, struct.pack("<IQ", STRING, 2**60))]), "longer than"),
        (header([entry("a", ARRAY, struct.pack("<IQ", U32, 2**62))]), "longer than"),
        (header([entry("a", STRING, struct.pack("<Q", 2**63))]), "longer than"),
        (header([entry("a", I8, b"\0"), entry("a", I8, b"\0")]), "'a' stands in it twice"),
        (header([entry("general.alignment", U32, struct.pack("<I", 48))]), "alignment is 48"),
        (header([entry("general.alignment", U32, struct.pack("<I", 0))]), "alignment is 0"),
        (header([entry("general.alignment", STRING, text("big"))]), "alignment is big"),
        (header(tensors=[tensor("w", [1] * 5, 0, 0)]), "5 dimensions"),
        (header(tensors=[tensor("w", [33], 2, 0)]), "rows of 33, which Q4_0 cannot hold"),
        (header(tensors=[tensor("w", [4], 0, 7)]), "multiple of 32"),
        (header(tensors=[tensor("w", [2**40, 2**40], 0, 0)]), "cut short"),
        (header(tensors=[tensor("w", [4], 0, 2**50)]), "cut short"),
    ],
)
def test_a_header_that_cannot_be_right_is_refused(data: bytes, says: str) -> None:
    data += bytes(64)

    with pytest.raises(ZoofileError, match=says) as caught:
        read(whole(data), "bad.gguf")

    assert caught.value.message.startswith("bad.gguf ")
    assert caught.value.hint is not None


@pytest.mark.parametrize("known", [True, False])
def test_a_file_cut_anywhere_is_refused(llama: bytes, *, known: bool) -> None:
    start = read(whole(llama), "llama.gguf").data_offset
    for end in {*range(0, start, 61), start - 33, len(llama) - 1 if known else 0}:
        cut = llama[:end]
        with pytest.raises(ZoofileError):
            read(Memory(cut, len(cut) if known else None), "cut.gguf")


def test_a_header_of_endless_empty_texts_is_read_no_further_than_the_limit() -> None:
    class Endless:
        size = None
        fetched = 0

        def read(self, offset: int, length: int) -> bytes:
            self.fetched += length
            return begin.ljust(length, b"\0") if offset == 0 else bytes(length)

    begin = header([b""] * 3) + entry("a", ARRAY, struct.pack("<IQ", STRING, 2**23 - 100))
    reader = Endless()

    with pytest.raises(ZoofileError, match="empty"):
        read(reader, "endless.gguf")

    assert reader.fetched <= cursor.LIMIT + cursor.LARGEST_RANGE


@settings(max_examples=300, deadline=2000)
@given(st.binary(max_size=400))
def test_any_bytes_give_a_header_or_an_error_of_ours(data: bytes) -> None:
    survive(b"GGUF\3\0\0\0" + data)


@settings(max_examples=300, deadline=2000, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_flipped_and_cut_files_give_a_header_or_an_error_of_ours(llama: bytes, data: st.DataObject) -> None:
    broken = bytearray(llama[: data.draw(st.integers(0, len(llama)))])
    if broken:
        # Most of the bytes that decide anything stand at the beginning and at the end of the header.
        places = st.one_of(st.integers(0, min(600, len(broken) - 1)), st.integers(0, len(broken) - 1))
        for place in data.draw(st.lists(places, min_size=1, max_size=8)):
            broken[place] ^= 1 << data.draw(st.integers(0, 7))
    survive(bytes(broken))


@settings(max_examples=200, deadline=2000, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    key=st.sampled_from(["block_count", "embedding_length", "attention.head_count", "context_length"]),
    number=st.integers(0, 2**32 - 1),
)
def test_no_hyperparameter_breaks_the_facts(llama: bytes, key: str, number: int) -> None:
    place = llama.index(text(f"llama.{key}")) + len(text(f"llama.{key}")) + 4
    survive(llama[:place] + struct.pack("<I", number) + llama[place + 4 :])


def survive(data: bytes) -> None:
    reader = whole(data)
    with contextlib.suppress(EaiError):
        found = facts(read(reader, "fuzzed.gguf"), "fuzzed.gguf")
        assert max(found.kv_token, found.kv_window_token, found.state, found.overhead) < 2**63
    assert sum(length for _, length in reader.reads) <= len(data) + 2 * cursor.FIRST_RANGE

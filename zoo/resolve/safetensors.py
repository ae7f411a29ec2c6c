"""Reads the header of a safetensors file, within bounds, whatever the file holds.

The format: eight bytes, little endian, say how long a JSON object is that follows; it names each tensor
with its type, its shape and where its bytes lie behind it. https://github.com/huggingface/safetensors
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from zoo.errors import ZoofileError
from zoo.resolve.cursor import LIMIT, RangeReader

MAX_TENSORS = 1 << 17
MAX_DIMENSIONS = 8

_PREFIX = 8
_BITS = {
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2", "F8_E8M0"), 8),
    **dict.fromkeys(("U16", "I16", "F16", "BF16"), 16),
    **dict.fromkeys(("U32", "I32", "F32"), 32),
    **dict.fromkeys(("U64", "I64", "F64", "C64"), 64),
}
_Count = Annotated[int, Meta(ge=0, le=2**53)]


class _Entry(Struct, frozen=True):
    """What the header says of a tensor."""

    dtype: Annotated[str, Meta(max_length=32)]
    shape: Annotated[tuple[_Count, ...], Meta(max_length=MAX_DIMENSIONS)]
    data_offsets: tuple[_Count, _Count]


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor: how many numbers of which type."""

    name: str
    type: str
    elements: int


def read(reader: RangeReader, name: str) -> tuple[Tensor, ...]:
    """Read the tensors of a file, in the order of its header.

    Args:
        reader: The file.
        name: What messages call it.

    Raises:
        ZoofileError: It is no safetensors file, or one that no engine could load.
        SourceError: The reader could not read.
    """
    length = int.from_bytes(_take(reader, 0, _PREFIX, name), "little")
    if length > LIMIT:
        raise _damaged(name, f"its header would be longer than {LIMIT >> 20} MiB")
    entries = _entries(_take(reader, _PREFIX, length, name), name)
    if len(entries) > MAX_TENSORS:
        raise _damaged(name, f"it claims {len(entries)} tensors")
    end = 0
    for tensor, entry in entries.items():
        _check(tensor, entry, name)
        end = max(end, entry.data_offsets[1])
    if reader.size is not None and _PREFIX + length + end > reader.size:
        raise _short(name, _PREFIX + length + end, reader.size)
    return tuple(Tensor(key, entry.dtype, math.prod(entry.shape)) for key, entry in entries.items())


def looks_like(begin: bytes) -> bool:
    """Whether a file that begins with these nine bytes or more may be a safetensors file."""
    return len(begin) > _PREFIX and begin[_PREFIX : _PREFIX + 1] == b"{"


def _entries(raw: bytes, name: str) -> dict[str, _Entry]:
    try:
        values = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
        values.pop("__metadata__", None)
        return {key: msgspec.json.decode(value, type=_Entry) for key, value in values.items()}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _damaged(name, f"its header is not as it must be: {error}") from None


def _check(tensor: str, entry: _Entry, name: str) -> None:
    begin, end = entry.data_offsets
    bits = _BITS.get(entry.dtype)
    size = None if bits is None else math.prod(entry.shape) * bits // 8
    if end < begin or (size is not None and end - begin != size):
        raise _damaged(
            name, f"the tensor {tensor[:100]!r} lies from {begin} to {end}, and its shape is another"
        )


def _take(reader: RangeReader, offset: int, length: int, name: str) -> bytes:
    if reader.size is not None and offset + length > reader.size:
        raise _short(name, offset + length, reader.size)
    data = reader.read(offset, length)
    if len(data) < length:
        raise _short(name, offset + length, offset + len(data))
    return data


def _damaged(name: str, what: str) -> ZoofileError:
    return ZoofileError(
        f"{name} is a damaged safetensors file: {what}", hint="download it again, or name another file"
    )


def _short(name: str, needed: int, size: int) -> ZoofileError:
    return ZoofileError(
        f"{name} is cut short: it needs {needed} bytes or more and has {size}",
        hint="download it again, or name another file",
    )

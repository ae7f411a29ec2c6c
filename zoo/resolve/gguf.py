"""Reads the header of a GGUF file, by ranges and within bounds, whatever the file holds.

The format is that of ggml/include/gguf.h, versions 2 and 3, little endian. Like llama.cpp, this
refuses arrays of arrays, repeated keys, and tensors that lie outside the file.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass

from zoo.errors import ZoofileError
from zoo.resolve.cursor import Cursor, RangeReader
from zoo.resolve.ggml import TENSOR_TYPES

MAGIC = b"GGUF"
VERSIONS = (2, 3)
MAX_KEYS = 1 << 14
MAX_TENSORS = 1 << 17
MAX_NAME = 1 << 16
MAX_TEXT = 1 << 20
MAX_KEPT = 4096
"""Elements of an array that is kept; of a longer one only the count is."""
MAX_DIMENSIONS = 4
DEFAULT_ALIGNMENT = 32
MAX_ALIGNMENT = 1 << 16

_SCALARS = {
    0: struct.Struct("<B"),
    1: struct.Struct("<b"),
    2: struct.Struct("<H"),
    3: struct.Struct("<h"),
    4: struct.Struct("<I"),
    5: struct.Struct("<i"),
    6: struct.Struct("<f"),
    7: struct.Struct("<?"),
    10: struct.Struct("<Q"),
    11: struct.Struct("<q"),
    12: struct.Struct("<d"),
}
_STRING, _ARRAY = 8, 9


@dataclass(frozen=True, slots=True)
class Array:
    """An array: how many elements it has, and they themselves where they are few numbers."""

    count: int
    items: tuple[int | float, ...] | None


Value = int | float | str | Array | None
"""A value of the header; None where it is a text too long to keep."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """Where a tensor lies: `offset` counts from the header's `data_offset`, in bytes."""

    name: str
    shape: tuple[int, ...]
    type: int
    offset: int

    @property
    def elements(self) -> int:
        """How many numbers it holds."""
        return math.prod(self.shape)

    @property
    def size(self) -> int | None:
        """Its bytes; None where its type is newer than this eai."""
        known = TENSOR_TYPES.get(self.type)
        return None if known is None else self.elements // known.elements * known.size


@dataclass(frozen=True, slots=True)
class Header:
    """All that stands before the weights."""

    version: int
    values: Mapping[str, Value]
    tensors: tuple[Tensor, ...]
    data_offset: int

    def text(self, key: str) -> str | None:
        """Return a text, or None where there is none of that key."""
        value = self.values.get(key)
        return value if isinstance(value, str) else None

    def number(self, key: str) -> int | None:
        """Return a whole number (or a flag, as 0 or 1), or None where there is none of that key."""
        value = self.values.get(key)
        return int(value) if isinstance(value, int) else None

    def numbers(self, key: str) -> tuple[int, ...] | None:
        """Return an array of whole numbers, or None where there is none of that key."""
        value = self.values.get(key)
        if not isinstance(value, Array) or value.items is None:
            return None
        return tuple(int(item) for item in value.items) if _whole(value.items) else None

    def count(self, key: str) -> int:
        """Say how many elements an array has: 0 where there is none of that key."""
        value = self.values.get(key)
        return value.count if isinstance(value, Array) else 0


def read(reader: RangeReader, name: str) -> Header:
    """Read a header.

    Args:
        reader: The file.
        name: What messages call it, such as `dolphin: model.gguf`.

    Raises:
        ZoofileError: It is no GGUF file, or none that llama.cpp could load.
        SourceError: The reader could not read.
    """
    cursor = Cursor(reader, name)
    version = _version(cursor, reader, name)
    n_tensors, n_keys = cursor.u64(), cursor.u64()
    if n_keys > MAX_KEYS:
        raise cursor.refuse(f"it claims {n_keys} keys")
    if n_tensors > MAX_TENSORS:
        raise cursor.refuse(f"it claims {n_tensors} tensors")
    values = _values(cursor, n_keys)
    alignment = _alignment(cursor, values)
    tensors = tuple(_tensor(cursor) for _ in range(n_tensors))
    data_offset = -(-cursor.position // alignment) * alignment
    header = Header(version, values, tensors, data_offset)
    _check_extents(header, reader.size, alignment, cursor, name)
    return header


def _version(cursor: Cursor, reader: RangeReader, name: str) -> int:
    size = 8 if reader.size is None else reader.size
    magic = cursor.take(min(4, size))
    if magic != MAGIC:
        raise ZoofileError(
            f"{name} is no GGUF file: it begins with {_shown(magic)}",
            hint="name a file of the model in llama.cpp's format; such files end in .gguf",
        )
    version = cursor.u32()
    if version in VERSIONS:
        return version
    if version & 0xFFFF == 0:
        raise ZoofileError(
            f"{name} is a big-endian GGUF file, and no build that eai knows can read one",
            hint="name a little-endian file of the same model",
        )
    raise ZoofileError(
        f"{name} is a GGUF file of version {version}, and this eai reads versions 2 and 3",
        hint="name another file of the same model" if version < min(VERSIONS) else "update eai",
    )


def _shown(begin: bytes) -> str:
    return ascii(begin.decode("latin-1")) if begin else "nothing: it is empty"


def _values(cursor: Cursor, count: int) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for _ in range(count):
        key = _name(cursor, "key")
        if not key:
            raise cursor.refuse("it has an empty key")
        if key in values:
            raise cursor.refuse(f"the key {key!r} stands in it twice")
        values[key] = _value(cursor, key)
    return values


def _name(cursor: Cursor, what: str) -> str:
    length = cursor.u64()
    if length > MAX_NAME:
        raise cursor.refuse(f"a {what} of it is {length} bytes long")
    try:
        return cursor.take(length).decode()
    except UnicodeDecodeError:
        raise cursor.refuse(f"a {what} of it is no text") from None


def _value(cursor: Cursor, key: str) -> Value:
    kind = cursor.u32()
    if kind == _STRING:
        return _text(cursor)
    if kind == _ARRAY:
        return _array(cursor, key)
    return _scalar(cursor, kind, key)


def _scalar(cursor: Cursor, kind: int, key: str) -> int | float:
    form = _SCALARS.get(kind)
    if form is None:
        raise cursor.refuse(f"the key {key!r} has the unknown type {kind}")
    number: int | float = form.unpack(cursor.take(form.size))[0]
    return number


def _text(cursor: Cursor) -> str | None:
    length = cursor.u64()
    if length > MAX_TEXT:
        cursor.skip(length)
        return None
    return cursor.take(length).decode(errors="replace")


def _array(cursor: Cursor, key: str) -> Array:
    kind, count = cursor.u32(), cursor.u64()
    if kind == _STRING:
        cursor.skip_strings(count)
        return Array(count, None)
    form = _SCALARS.get(kind)
    if form is None:
        raise cursor.refuse(f"the key {key!r} is an array of the unknown type {kind}")
    if count > MAX_KEPT:
        cursor.skip(count * form.size)
        return Array(count, None)
    data = cursor.take(count * form.size)
    return Array(count, tuple(item for (item,) in form.iter_unpack(data)))


def _alignment(cursor: Cursor, values: Mapping[str, Value]) -> int:
    alignment = values.get("general.alignment", DEFAULT_ALIGNMENT)
    if (
        not isinstance(alignment, int)
        or not 1 <= alignment <= MAX_ALIGNMENT
        or alignment & (alignment - 1) != 0
    ):
        raise cursor.refuse(f"its alignment is {alignment}, which is no power of two up to {MAX_ALIGNMENT}")
    return int(alignment)


def _tensor(cursor: Cursor) -> Tensor:
    name = _name(cursor, "tensor's name")
    dimensions = cursor.u32()
    if dimensions > MAX_DIMENSIONS:
        raise cursor.refuse(f"the tensor {name!r} has {dimensions} dimensions")
    shape = tuple(cursor.u64() for _ in range(dimensions))
    kind, offset = cursor.u32(), cursor.u64()
    known = TENSOR_TYPES.get(kind)
    if known is not None and shape and shape[0] % known.elements:
        raise cursor.refuse(f"the tensor {name!r} has rows of {shape[0]}, which {known.name} cannot hold")
    return Tensor(name, shape, kind, offset)


def _check_extents(header: Header, size: int | None, alignment: int, cursor: Cursor, name: str) -> None:
    end = 0
    for tensor in header.tensors:
        if tensor.offset % alignment:
            raise cursor.refuse(f"the tensor {tensor.name!r} does not lie on a multiple of {alignment}")
        end = max(end, tensor.offset + (tensor.size or 0))
    needed = header.data_offset + end if header.tensors else 0
    if size is not None and needed > size:
        raise ZoofileError(
            f"{name} is cut short: its tensors need {needed} bytes and it has {size}",
            hint="download it again, or name another file",
        )


def _whole(items: tuple[int | float, ...]) -> bool:
    return all(isinstance(item, int) for item in items)

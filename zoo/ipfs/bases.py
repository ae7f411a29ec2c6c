"""The text bases that CIDs are written in: base32, base36 and base58btc, strictly one text for one value."""

from __future__ import annotations

import base64
import binascii

from zoo.errors import Malformed

BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"
BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def to_base32(data: bytes) -> str:
    """Encode as lower-case base32 without padding (RFC 4648)."""
    return base64.b32encode(data).decode().rstrip("=").lower()


def from_base32(text: str) -> bytes:
    """Decode lower-case base32 without padding.

    Raises:
        Malformed: A character is none of the base's, or bits are set that stand for nothing.
    """
    try:
        data = base64.b32decode(text.upper() + "=" * (-len(text) % 8))
    except (binascii.Error, ValueError):
        data = b""
    # The library ignores bits that stand for nothing, so two texts could mean the same bytes.
    if not data or to_base32(data) != text:
        raise Malformed("it is not valid base32")
    return data


def to_base(data: bytes, alphabet: str) -> str:
    """Encode in the base of an alphabet, as one large number; zero bytes in front are kept one to one."""
    number, base, out = int.from_bytes(data, "big"), len(alphabet), []
    while number:
        number, digit = divmod(number, base)
        out.append(alphabet[digit])
    zeros = len(data) - len(data.lstrip(b"\0"))
    return alphabet[0] * zeros + "".join(reversed(out))


def from_base(text: str, alphabet: str) -> bytes:
    """Decode what `to_base` made. Bound the text's length before: the time grows with its square.

    Raises:
        Malformed: A character is none of the alphabet's.
    """
    number, base = 0, len(alphabet)
    for letter in text:
        digit = alphabet.find(letter)
        if digit < 0:
            raise Malformed(f"it is not valid base{base}")
        number = number * base + digit
    zeros = len(text) - len(text.lstrip(alphabet[0]))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")

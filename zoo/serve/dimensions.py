"""Pictures from outside, looked at before an engine decodes them: what kind they are, and how large."""

from __future__ import annotations

from zoo.serve.answers import Problem

MOST_PIXELS = 4096 * 4096

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
_PNG_HEAD = 24  # the signature, and the first chunk up to the height
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # segments of a JPEG that tell its size
_ALONE = frozenset({0x01, *range(0xD0, 0xD8)})  # those without a length


def size(data: bytes, param: str) -> tuple[int, int]:
    """The width and height that a PNG or JPEG says it has.

    Raises:
        Problem: It is another kind of file, damaged, or so large that decoding it would take all memory.
    """
    if data.startswith(_PNG):
        found = _png(data)
    elif data.startswith(_JPEG):
        found = _jpeg(data)
    else:
        raise Problem(400, "invalid_image", "a picture must be a PNG or a JPEG", param=param)
    if found is None or 0 in found:
        raise Problem(400, "invalid_image", "the picture is damaged: it does not say its size", param=param)
    width, height = found
    if width * height > MOST_PIXELS:
        raise Problem(400, "image_too_large", f"a picture of {width}x{height} is too large", param=param)
    return found


def _png(data: bytes) -> tuple[int, int] | None:
    if len(data) < _PNG_HEAD or data[12:16] != b"IHDR":
        return None
    return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")


def _jpeg(data: bytes) -> tuple[int, int] | None:
    """Go from segment to segment until one tells the size."""
    at = 2
    while at + 9 <= len(data):
        if data[at] != 0xFF:  # noqa: PLR2004 - what each segment begins with
            return None
        kind = data[at + 1]
        if kind in _FRAMES:
            return int.from_bytes(data[at + 7 : at + 9], "big"), int.from_bytes(data[at + 5 : at + 7], "big")
        if kind == 0xFF:  # noqa: PLR2004 - fill
            at += 1
        else:
            at += 2 if kind in _ALONE else 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None

"""File names in directories of strangers: which of them may ever become a path on this machine."""

from __future__ import annotations

import re
import unicodedata

from zoo.errors import Malformed

NAME_MAX = 255
"""The longest name, in bytes of UTF-8."""

_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])[ .]*(\..*)?", re.IGNORECASE | re.DOTALL)
_DRIVE = re.compile(r"[A-Za-z]:")
_PARTS = ("/", "\\")


def check(raw: bytes) -> str:
    """Take the bytes of a name as text that is one plain part of a path on every platform.

    Raises:
        Malformed: It is not UTF-8, empty or longer than 255 bytes, `.` or `..`, holds a separator or a
            control character, or is a drive or a device on Windows.
    """
    shown = ascii(raw[:NAME_MAX])[2:-1]
    try:
        name = raw.decode()
    except UnicodeDecodeError:
        raise Malformed(f"the file name '{shown}' is not UTF-8") from None
    if not 0 < len(raw) <= NAME_MAX:
        raise Malformed(f"the file name '{shown}' has {len(raw)} bytes; 1 to {NAME_MAX} may be")
    if name in {".", ".."} or any(part in name for part in _PARTS):
        raise Malformed(f"the file name '{shown}' would lead out of its directory")
    if any(unicodedata.category(letter) in {"Cc", "Zl", "Zp"} for letter in name):
        raise Malformed(f"the file name '{shown}' holds control characters")
    if _DEVICE.fullmatch(name) or _DRIVE.match(name):
        raise Malformed(f"the file name '{shown}' is a device or a drive on Windows")
    return name


def check_text(name: str) -> str:
    """Do the same for a name that is text already.

    Raises:
        Malformed: As `check` does.
    """
    return check(name.encode("utf-8", "surrogatepass"))


def folded(name: str) -> str:
    """Make the form in which two names are equal on some file system."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())

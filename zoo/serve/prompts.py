"""What a prompt may not say to sd-server, which takes parts of it for orders.

Versions of it read `<sd_cpp_extra_args>{…}</sd_cpp_extra_args>`, with which a prompt could name any file of
this machine as an adapter, and `<lora:PATH:SCALE>`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

_OPEN, _CLOSE = "<sd_cpp_extra_args>", "</sd_cpp_extra_args>"
_BLANK = re.compile(r"[\x00-\x20\x7f]+")
_ORDERS = re.compile(rf"{_OPEN}.*?{_CLOSE}|{_OPEN}|{_CLOSE}|<lora:[^>]*>|<lora:", re.DOTALL)


def clean(prompt: str) -> str:
    """A prompt without what would be taken for orders, in one line.

    A space stands where one was, so that the text around it makes no new one.
    """
    return _BLANK.sub(" ", _ORDERS.sub(" ", prompt)).strip()


def ordered(prompt: str, orders: Mapping[str, Any]) -> str:
    """A clean prompt with orders of our own, which hold neither its brackets nor the end of a line."""
    inside = json.dumps(orders, ensure_ascii=False).replace("<", "\\u003c")
    return f"{prompt}{_OPEN}{inside}{_CLOSE}"

"""What an HTTP answer says, read strictly; and for people, what it means that it says no."""

from __future__ import annotations

import email.utils
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

from zoo.errors import AccessDenied, Interrupted, NotThere, SourceError

_CONTENT_RANGE = re.compile(r"bytes (\d{1,19})-(\d{1,19})/(\d{1,19}|\*)")
_LENGTH = re.compile(r"\d{1,19}")
_SERVER_ERROR = 500

_MOVED = "name a place in zoofile.toml that has it, and run `eai lock`"
_REFUSALS: dict[int, tuple[type[SourceError], str, str | None]] = {
    401: (AccessDenied, "wants credentials (401)", "this file is not public, or the token is not valid"),
    403: (AccessDenied, "refuses access (403)", "the account may lack the right, or must accept terms first"),
    404: (NotThere, "has no such file (404)", _MOVED),
    410: (NotThere, "no longer has this file (410)", _MOVED),
    429: (Interrupted, "is asked too often (429)", "wait a while, and run the command again"),
    451: (AccessDenied, "may not give this file for legal reasons (451)", _MOVED),
}


@dataclass(frozen=True, slots=True)
class Range:
    """Bytes from `start` up to, not including, `stop` (None: the end)."""

    start: int
    stop: int | None

    def __str__(self) -> str:
        return f"bytes={self.start}-{'' if self.stop is None else self.stop - 1}"


def content_range(url: str, headers: Mapping[str, str], asked: Range | None) -> tuple[Range, int | None]:
    """Read what a 206 brings, and the size of the whole file (None: it doesn't say).

    Raises:
        SourceError: It is not the range that was asked for.
    """
    text = headers.get("content-range", "")
    match = _CONTENT_RANGE.fullmatch(text)
    if match is None:
        raise SourceError(f"{url}: answers 206 with Content-Range {text[:80]!r}")
    total = None if match[3] == "*" else int(match[3])
    got = Range(int(match[1]), int(match[2]) + 1)
    want_stop = asked.stop if asked is not None and asked.stop is not None else total
    if asked is None or got.start != asked.start or got.stop != want_stop:
        raise SourceError(f"{url}: asked for {asked or 'all'}, answers with {text[:80]!r}")
    return got, total


def length(url: str, headers: Mapping[str, str]) -> int | None:
    """Read how long the body of a 200 is; None if it doesn't say.

    Raises:
        SourceError: It says something that is no length.
    """
    text = headers.get("content-length")
    if text is None:
        return None
    if _LENGTH.fullmatch(text) is None:
        raise SourceError(f"{url}: answers with Content-Length {text[:80]!r}")
    return int(text)


def refuse(url: str, status: int, headers: Mapping[str, str]) -> NoReturn:
    """Say what an answer means that brings no file.

    Raises:
        SourceError: Always, in the form that fits; `Interrupted` where asking again may help.
    """
    after = retry_after(headers.get("retry-after"), now=time.time())
    if status >= _SERVER_ERROR:
        raise Interrupted(f"{url}: the server has a problem of its own ({status})", retry_after=after)
    kind, text, hint = _REFUSALS.get(status, (SourceError, f"answers {status}", None))
    if kind is Interrupted:
        raise Interrupted(f"{url}: {text}", hint=hint, retry_after=after)
    raise kind(f"{url}: {text}", hint=hint)


def retry_after(text: str | None, *, now: float) -> float | None:
    """Read a Retry-After header, in seconds from now; None if there is none that can be read.

    It is a number of seconds or a date (RFC 9110, 10.2.3).
    """
    if text is None:
        return None
    if _LENGTH.fullmatch(text.strip()):
        return float(text)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - now)
    except (ValueError, OverflowError):
        return None

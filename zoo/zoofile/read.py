"""Read zoofile.toml: from text, which anyone may have written, to values that hold together.

A good file costs one pass of tomli and one of msgspec. Only for a bad one are all problems gathered,
with their lines, by `diagnose` and `locate`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import chain, islice
from pathlib import Path
from stat import S_ISREG
from typing import Any

import msgspec
import tomli

from zoo.errors import ZoofileError
from zoo.zoofile.check import problems
from zoo.zoofile.model import Model, Zoofile
from zoo.zoofile.problem import SHOWN, Keys, Problem, failure

LARGEST = 1 << 20
"""Bytes that a zoofile may have."""

LONGEST_LINE = 4096
"""Characters that a line may have: tomllib's work on a dotted key grows with the square of its parts."""

_AT = re.compile(r"(?s)(?P<what>.*) \(at (line (?P<line>\d+), column (?P<column>\d+)|end of document)\)")

_REMEDIES = {
    "invalid value": 'text stands in quotes: key = "value"',
    "cannot declare (": "each table may stand only once",
    "cannot overwrite a value": "each key may stand only once in its table",
    "expected '=' after a key": 'a line is `key = "value"`, `[table]`, or `# comment`',
}


def load(path: Path) -> Zoofile:
    """Read the zoofile at a path.

    Raises:
        ZoofileError: It cannot be read, or says something impossible.
    """
    return parse(read_text(path), name=path.name)


def parse(text: str, *, name: str = "zoofile.toml") -> Zoofile:
    """Read the text of a zoofile.

    Args:
        text: With line ends as they are in the file.
        name: What the file is called in errors.

    Raises:
        ZoofileError: It says something impossible; the message tells every such place.
    """
    data = parse_toml(text, name)
    try:
        zoofile = msgspec.convert(data, Zoofile)
    except msgspec.ValidationError:
        from zoo.zoofile.diagnose import diagnose  # noqa: PLC0415 - only for errors

        raise failure(_first(diagnose(data)), text, name) from None
    if found := _first(chain(_unprintable(data, ()), problems(zoofile))):
        raise failure(found, text, name)
    return zoofile


def problems_with(zoofile: Zoofile, name: str, table: dict[str, Any]) -> tuple[Problem, ...]:
    """Say what would be wrong with a good zoofile if it had one more model."""
    try:
        model = msgspec.convert(table, Model)
    except msgspec.ValidationError:
        from zoo.zoofile.diagnose import diagnose  # noqa: PLC0415 - only for errors

        return _first(diagnose({"models": {name: dict(table)}}))
    added = msgspec.structs.replace(zoofile, models={**zoofile.models, name: model})
    return _first(chain(_unprintable({"models": {name: table}}, ()), problems(added)))


def _first(found: Iterable[Problem]) -> tuple[Problem, ...]:
    """As many problems as are told, and one that says there are more."""
    return tuple(islice(found, SHOWN + 1))


def parse_toml(text: str, name: str) -> dict[str, Any]:
    """Parse TOML from anyone, and report what is wrong with it by line and column.

    Raises:
        ZoofileError: It is no TOML, or too much of it.
    """
    _bound(text, name)
    try:
        return tomli.loads(text)
    except RecursionError:
        raise ZoofileError(f"{name} is nested too deeply", hint="no key of a zoofile needs that") from None
    except ValueError as error:  # also what tomllib lets through, such as a number too long to convert
        raise _not_toml(str(error), text, name) from None


def read_text(path: Path, *, hint: str = "`eai init` begins a project") -> str:
    """Read a zoofile as text, its line ends as they are.

    Args:
        path: Where it should be.
        hint: What to do where there is none.

    Raises:
        ZoofileError: It is not there, no file, too large, or no UTF-8.
    """
    try:
        if not S_ISREG(path.stat().st_mode):
            raise ZoofileError(f"{path} is no file", hint=hint)
        with path.open("rb") as stream:
            raw = stream.read(LARGEST + 1)
    except FileNotFoundError:
        raise ZoofileError(f"there is no {path}", hint=hint) from None
    except OSError as error:
        raise ZoofileError(f"cannot read {path}: {error.strerror}") from None
    return _decode(raw, path.name)


def _decode(raw: bytes, name: str) -> str:
    if len(raw) > LARGEST:
        raise ZoofileError(f"{name} is larger than {LARGEST >> 20} MiB", hint="is it really a zoofile?")
    if raw.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        raise ZoofileError(f"{name} begins with a byte order mark", hint="save it as UTF-8 without one")
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        what = f"{name}:{line}: byte 0x{raw[error.start]:02x} is no UTF-8"
        raise ZoofileError(what, hint="save it as UTF-8") from None


def _bound(text: str, name: str) -> None:
    if len(text) > LARGEST:
        raise ZoofileError(f"{name} is larger than {LARGEST >> 20} MiB", hint="is it really a zoofile?")
    for number, line in enumerate(text.split("\n"), start=1):
        if len(line) > LONGEST_LINE:
            what = f"{name}:{number}: the line is longer than {LONGEST_LINE} characters"
            raise ZoofileError(what, hint="write long arrays over several lines")


def _not_toml(message: str, text: str, name: str) -> ZoofileError:
    match = _AT.fullmatch(message)
    what = match["what"] if match else message
    what = what[:1].lower() + what[1:]
    last = text.count("\n") + (not text.endswith("\n"))
    where = f"{match['line']}:{match['column']}" if match and match["line"] else str(max(last, 1))
    for number, line in enumerate(text.split("\n"), start=1):
        if line.startswith("<<<<<<< "):
            return ZoofileError(
                f"{name}:{number}: a merge conflict begins", hint="resolve it, then `eai lock`"
            )
    hint = next((remedy for begin, remedy in _REMEDIES.items() if what.startswith(begin)), None)
    return ZoofileError(f"{name}:{where}: this is no TOML: {what}", hint=hint)


def _unprintable(value: object, keys: Keys) -> list[Problem]:
    """Find text that would not show as it is: control characters, and what changes the way it is read."""
    if isinstance(value, str):
        return [] if value.isprintable() else [Problem(keys, "holds a character that does not print")]
    if isinstance(value, dict):
        return [
            problem
            for key, item in value.items()
            for problem in (*_unprintable(key, (*keys, key)), *_unprintable(item, (*keys, key)))
        ]
    if isinstance(value, list):
        return [problem for at, item in enumerate(value) for problem in _unprintable(item, (*keys, at))]
    return []

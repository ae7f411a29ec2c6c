"""Gather everything that is wrong with a zoofile's types; msgspec alone would stop at the first."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from functools import cache
from typing import Any

import msgspec
from msgspec import inspect

from zoo.zoofile.check import problems
from zoo.zoofile.model import Model, Server, Toolchain, Zoo, Zoofile
from zoo.zoofile.problem import Keys, Problem, dotted, quoted

_WHERE = re.compile(r" - at `(?:key` in `)?\$(?P<path>[^`]*)`$")
_STEP = re.compile(r"\.(?P<key>[A-Za-z0-9_-]+)|\[(?P<index>[0-9]+)\]")

_TABLES: dict[str, type[msgspec.Struct]] = {"zoo": Zoo, "server": Server}
_NAMED: dict[str, type[msgspec.Struct]] = {"toolchain": Toolchain, "models": Model}
_CALLED = {
    "zoofile": "a zoofile",
    "zoo": "[zoo]",
    "server": "[server]",
    "toolchain": "a toolchain",
    "model": "a model",
    "lora": "a LoRA adapter",
    "sampling": "`sampling`",
    "parts": "`parts`",
    "origin": "a part of a model",
    "image": "`image`",
    "own": "`from`",
}


def diagnose(data: dict[str, Any]) -> Iterator[Problem]:
    """Find every problem of a document that does not convert. The document is changed on the way."""
    yield from _unknown(data, _info(Zoofile), ())
    good: dict[str, Any] = {}
    for table, kind in _TABLES.items():
        if table in data:
            wrong = yield from _mend(data[table], kind, (table,))
            if not wrong:
                good[table] = data[table]
    for table, kind in _NAMED.items():
        entries = data.get(table, {})
        if not isinstance(entries, dict):
            yield Problem((table,), "must be a table", f"write [{table}.NAME]")
            continue
        for name, entry in entries.items():
            wrong = yield from _mend(entry, kind, (table, name))
            if not wrong:
                good.setdefault(table, {})[name] = entry
    yield from problems(msgspec.convert(good, Zoofile))


@cache
def _info(kind: type[msgspec.Struct]) -> inspect.Type:
    return inspect.type_info(kind)


def _mend(value: Any, kind: type[msgspec.Struct], keys: Keys) -> Generator[Problem, None, bool]:  # noqa: ANN401 - any TOML
    """Report what keeps a table from converting, take it out, and look again; say if there was anything."""
    if not isinstance(value, dict):
        yield Problem(keys, f"must be a table, not {_found(value)}", f"write [{dotted(keys)}]")
        return True
    wrong = False
    while True:
        try:
            msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            path = _path(str(error), value)
        else:
            return wrong
        wrong = True
        at, expected = _walk(value, _info(kind), path)
        unknown = list(_unknown(at, expected, (*keys, *path)))
        yield from unknown
        if not unknown:
            yield _wrong(at, expected, (*keys, *path))
            _drop(value, path)


def _path(message: str, value: object) -> Keys:
    """The keys that msgspec's message ends with, as far as they name one place."""
    match = _WHERE.search(message)
    keys: list[str | int] = []
    for step in _STEP.finditer(match["path"]) if match else ():
        key = step["key"] or int(step["index"])
        try:
            value = value[key]  # type: ignore[index]  # msgspec has been there
        except (KeyError, IndexError, TypeError):
            break
        keys.append(key)
    return tuple(keys)


def _walk(value: Any, info: inspect.Type, path: Keys) -> tuple[Any, inspect.Type]:  # noqa: ANN401 - any TOML
    """Go along a path through a value and its type together."""
    for key in path:
        info = _arm(info, value)
        if isinstance(info, inspect.StructType):
            info = next(field.type for field in info.fields if field.encode_name == key)
        elif isinstance(info, inspect.VarTupleType):
            info = info.item_type
        value = value[key]
    return value, _arm(info, value)


def _arm(info: inspect.Type, value: object) -> inspect.Type:
    """Of several types that a value may have, the one for tables or arrays, if it is such."""
    if isinstance(info, inspect.UnionType):
        wanted = (inspect.StructType, inspect.DictType) if isinstance(value, dict) else inspect.VarTupleType
        return next((arm for arm in info.types if isinstance(arm, wanted)), info)
    return info


def _unknown(value: Any, info: inspect.Type, keys: Keys) -> Iterator[Problem]:  # noqa: ANN401 - any TOML
    """Report the keys of a table that its type does not have, and take them out."""
    if not (isinstance(value, dict) and isinstance(info, inspect.StructType)):
        return
    known = [field.encode_name for field in info.fields]
    called = _CALLED[info.cls.__name__.lower()]
    for key in [key for key in value if key not in known]:
        del value[key]
        yield Problem((*keys, key), f"is no key of {called}", _nearest(key, known))


def _nearest(key: str, known: list[str]) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 - only for errors

    if near := get_close_matches(key, known, n=1):
        return f"did you mean `{near[0]}`?"
    return f"its keys are {', '.join(known)}"


def _wrong(value: object, info: inspect.Type, keys: Keys) -> Problem:
    if isinstance(info, inspect.StructType) and isinstance(value, dict):
        missing = [f"`{field.encode_name}`" for field in info.fields if field.required]
        return Problem(keys, f"needs {' and '.join(missing)}")
    if isinstance(info, inspect.DictType) and isinstance(value, dict):
        return Problem(keys, f"may hold only {_wanted(info.value_type)}")
    return Problem(keys, f"must be {_wanted(info)}, not {_found(value)}")


def _drop(value: Any, path: Keys) -> None:  # noqa: ANN401 - any TOML
    """Take out what a path leads to; of an array, the whole, so that its places stay right."""
    keys = next((path[:at] for at, key in enumerate(path) if isinstance(key, int)), path)
    for key in keys[:-1]:
        value = value[key]
    del value[keys[-1]]


def _wanted(info: inspect.Type) -> str:
    if isinstance(info, inspect.UnionType):
        arms = [_wanted(arm) for arm in info.types if not isinstance(arm, inspect.NoneType)]
        return " or ".join(arms)
    if isinstance(info, inspect.LiteralType):
        values = ", ".join(f'"{value}"' for value in info.values)
        return f"one of {values}" if len(info.values) > 1 else values
    if isinstance(info, inspect.Metadata):
        return f"{_wanted(info.type)}, {(info.extra_json_schema or {})['description']}"
    if isinstance(info, inspect.StructType):
        required = [f"`{field.encode_name}`" for field in info.fields if field.required]
        every = [f"`{field.encode_name}`" for field in info.fields]
        return "a table with " + (" and ".join(required) or " or ".join(every))
    if isinstance(info, (inspect.IntType, inspect.FloatType)):
        return _number(info)
    return _PLAIN[type(info)]


_PLAIN: dict[type[inspect.Type], str] = {
    inspect.BoolType: "true or false",
    inspect.DictType: "a table",
    inspect.StrType: "text in quotes",
    inspect.VarTupleType: "an array",
}


def _number(info: inspect.IntType | inspect.FloatType) -> str:
    kind = "an integer" if isinstance(info, inspect.IntType) else "a number"
    if info.ge is not None and info.le is not None:
        return f"{kind} from {info.ge} to {info.le}"
    return kind if info.ge is None else f"{kind}, at least {info.ge}"


def _found(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, float) or (isinstance(value, int) and value.bit_length() <= 64):  # noqa: PLR2004 - of TOML
        return str(value)
    kinds = {int: "a number that large", dict: "a table", list: "an array"}
    return kinds.get(type(value), "a date or time")

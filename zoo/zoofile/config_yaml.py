"""Reads the config.yaml of Eternal Zoo and CryptoModels: from text that anyone may have written to values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

import msgspec
import yaml

from zoo.errors import ZoofileError

LARGEST = 1 << 20
"""Bytes that such a file may have."""

T = TypeVar("T", bound=msgspec.Struct)

_DEEPEST = 8
_MOST = 10_000  # nodes: an alias stands for all that it names, however little text that takes


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A model as config.yaml writes it.

    Attributes:
        model: A featured model's name; with `hf_repo`, a file of that repository.
        on_demand: Whether it is loaded when it is asked for first; the main model is not.
    """

    model: str | None = None
    hf_repo: str | None = None
    pattern: str | None = None
    mmproj: str | None = None
    task: str | None = None
    backend: str | None = None
    architecture: str | None = None
    lora: Any = None
    base_model: str | None = None
    context_length: int | None = None
    on_demand: bool = False


class _File(msgspec.Struct, frozen=True, kw_only=True):
    """The whole of config.yaml; its models one by one, so that errors name them."""

    models: dict[str, dict[str, Any]]
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 8080
    host: str = "0.0.0.0"  # noqa: S104 - what such a file means where it does not say


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigYaml:
    """What a config.yaml asks for.

    Attributes:
        models: By their keys, in the order of the file.
        lines: Where each model's key stands.
        main: The key of the main model: the first that is not on demand, else the first.
    """

    host: str
    port: int
    models: dict[str, Entry]
    lines: dict[str, int]
    main: str


def read(text: str, *, name: str = "config.yaml") -> ConfigYaml:
    """Read the text of a config.yaml.

    Raises:
        ZoofileError: It is no YAML, or says what such a file cannot; the message tells the line.
    """
    if len(text) > LARGEST:
        raise ZoofileError(f"{name} is larger than {LARGEST >> 20} MiB", hint="is it really a config.yaml?")
    root = _composed(text, name)
    lines = dict(_lines(root))
    try:
        data = yaml.SafeLoader("").construct_document(root)
    except yaml.YAMLError as error:
        raise _no_yaml(error, name) from None
    file = _converted(data, _File, "", lines, name)
    models = {
        key: _converted(entry, Entry, f".models.{key}", lines, name) for key, entry in file.models.items()
    }
    if not models:
        raise ZoofileError(f"{name} names no models", hint="write them below `models:`")
    return ConfigYaml(
        host=file.host,
        port=file.port,
        models=models,
        lines={key: lines[f".models.{key}"] for key in models},
        main=next((key for key, entry in models.items() if not entry.on_demand), next(iter(models))),
    )


def _converted(value: Any, kind: type[T], path: str, lines: Mapping[str, int], name: str) -> T:  # noqa: ANN401 - any YAML
    known = kind.__struct_fields__
    for key in value:
        if key not in known:
            line = lines.get(f"{path}.{key}", 1)
            raise ZoofileError(
                f"{name}:{line}: {f'{path}.{key}'[1:]} is no key of a config.yaml",
                hint=f"its keys are {', '.join(known)}",
            )
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        what, _, place = str(error).partition(" - at `")
        key = path + place.rpartition("$")[2].rstrip("`").partition("[")[0]
        what = what[:1].lower() + what[1:]
        raise ZoofileError(f"{name}:{lines.get(key, 1)}: {key[1:] or 'the file'}: {what}") from None


def _composed(text: str, name: str) -> yaml.MappingNode:
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise _no_yaml(error, name) from None
    except RecursionError:
        raise ZoofileError(f"{name} is nested too deeply") from None
    if not isinstance(root, yaml.MappingNode):
        raise ZoofileError(f"{name} holds no keys", hint="it must hold `models:` and what they are")
    _bound(root, name)
    return root


def _bound(root: yaml.Node, name: str) -> None:
    """See that it is no bomb: depth and size count with every alias written out."""
    rest: list[tuple[yaml.Node, int]] = [(root, 0)]
    count = 0
    while rest:
        node, depth = rest.pop()
        count += 1
        if depth > _DEEPEST or count > _MOST:
            raise ZoofileError(f"{name}:{node.start_mark.line + 1}: this is more than a config.yaml can need")
        if isinstance(node, yaml.MappingNode):
            rest += [(each, depth + 1) for pair in node.value for each in pair]
        elif isinstance(node, yaml.SequenceNode):
            rest += [(each, depth + 1) for each in node.value]


def _lines(node: yaml.Node, path: str = "") -> Iterator[tuple[str, int]]:
    """The line of every key, by the keys that lead to it."""
    if not isinstance(node, yaml.MappingNode):
        return
    for key, value in node.value:
        inner = f"{path}.{key.value}"
        yield inner, key.start_mark.line + 1
        yield from _lines(value, inner)


def _no_yaml(error: yaml.YAMLError, name: str) -> ZoofileError:
    mark = getattr(error, "problem_mark", None)
    line = f":{mark.line + 1}:{mark.column + 1}" if mark is not None else ""
    problem = getattr(error, "problem", None) or "it cannot be read"
    return ZoofileError(f"{name}{line}: this is no YAML: {problem}")

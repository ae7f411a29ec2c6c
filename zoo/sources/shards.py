"""Finds the one model that a pattern means among the files of a repository, with all of its shards."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from zoo.errors import NotThere

_SHARD = re.compile(r"(?P<stem>.+)-(?P<number>[0-9]{5})-of-(?P<count>[0-9]{5})\.gguf")
_NO_MODELS = ("mmproj", "imatrix")
_MOST_SHOWN = 12


def is_shard(path: str) -> bool:
    """Whether a file is one of several that make a model, by its name."""
    return _SHARD.fullmatch(path) is not None


def choose(paths: Iterable[str], pattern: str, where: str) -> tuple[str, ...]:
    """Return the files of the one model whose path contains the pattern, or matches it if it has a `*`.

    A model that has the pattern as a whole word goes before those that only contain it, so that
    `Q4_K` does not mean `Q4_K_M`.

    Args:
        paths: Every file of the repository.
        pattern: Such as `Q4_K_M`.
        where: What messages call the repository.

    Raises:
        NotThere: No model matches, or several do, or shards are missing.
    """
    models = _models(paths, pattern)
    fitting = [model for model in models if _matches(model, pattern)]
    exact = [model for model in fitting if _has_word(model, pattern)]
    if len(exact) == 1:
        fitting = exact
    if not fitting:
        raise NotThere(
            f"{where} has no GGUF model whose name contains {pattern!r}; it has {_listed(models)}",
            hint="set `pattern` to a part of one of these names",
        )
    if len(fitting) > 1:
        raise NotThere(
            f"{where} has {len(fitting)} models whose name contains {pattern!r}: {_listed(fitting)}",
            hint="make `pattern` longer, so that it means one of them, or name one with `file`",
        )
    [(name, files)] = ((model, models[model]) for model in fitting)
    return _complete(name, files, where)


def only(paths: Iterable[str], where: str) -> tuple[str, ...]:
    """Return the files of the only model that there is.

    Args:
        paths: Every file of the directory.
        where: What messages call it.

    Raises:
        NotThere: There is none, there are several, or shards are missing.
    """
    models = _models(paths, "")
    if len(models) != 1:
        raise NotThere(
            f"{where} has {len(models) or 'no'} GGUF models: {_listed(models)}",
            hint="name one of them: the CID, `/` and its path" if models else "name another CID",
        )
    [(name, files)] = models.items()
    return _complete(name, files, where)


def _models(paths: Iterable[str], pattern: str) -> dict[str, tuple[str, ...]]:
    """Every model by its path without shard numbers; projectors only where they are asked for."""
    models: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        name = PurePosixPath(path).name.lower()
        other = any(word in name and word not in pattern.lower() for word in _NO_MODELS)
        if path.endswith(".gguf") and not other:
            shard = _SHARD.fullmatch(path)
            models[path if shard is None else f"{shard['stem']}-*-of-{shard['count']}.gguf"].append(path)
    return {name: tuple(sorted(files)) for name, files in sorted(models.items())}


def _matches(model: str, pattern: str) -> bool:
    if "*" in pattern or "?" in pattern:
        return fnmatchcase(model, pattern) or fnmatchcase(PurePosixPath(model).name, pattern)
    return pattern in model


def _has_word(model: str, pattern: str) -> bool:
    word = rf"(?<![A-Za-z0-9_]){re.escape(pattern)}(?![A-Za-z0-9_])"
    return re.search(word, PurePosixPath(model).name) is not None


def _complete(name: str, files: tuple[str, ...], where: str) -> tuple[str, ...]:
    shards = [match for match in map(_SHARD.fullmatch, files) if match is not None]
    if not shards:
        return files
    count = int(shards[0]["count"])
    missing = sorted(set(range(1, count + 1)) - {int(shard["number"]) for shard in shards})
    if missing or count != len(files):
        numbers = ", ".join(map(str, missing[:_MOST_SHOWN])) + (", …" if len(missing) > _MOST_SHOWN else "")
        what = f"shard {numbers} is missing" if missing else f"it has {len(files)} files"
        raise NotThere(
            f"{where} has not all of {name}: of {count} shards, {what}",
            hint="is it still being uploaded? Name another model, or another `revision`",
        )
    return files


def _listed(models: Iterable[str]) -> str:
    names = list(models)
    more = f" and {len(names) - _MOST_SHOWN} more" if len(names) > _MOST_SHOWN else ""
    return ", ".join(names[:_MOST_SHOWN]) + more if names else "none at all"

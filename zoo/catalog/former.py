"""What Eternal Zoo and CryptoModels call a model, as the entry of a zoofile that means the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from zoo.catalog import entries, lookup, near
from zoo.errors import UsageError, ZoofileError
from zoo.zoofile.config_yaml import ConfigYaml
from zoo.zoofile.config_yaml import Entry as Written
from zoo.zoofile.spell import whole_name_of

NATIVE = "gguf"
BACKENDS = (NATIVE, "mlx-lm", "mlx-flux")
TASKS = ("chat", "embed", "image-generation", "image-edit")


@dataclass(frozen=True, slots=True)
class Former:
    """A model as a zoofile says it.

    Attributes:
        name: What it is called there.
        table: Its entry, with the keys of zoofile.toml.
    """

    name: str
    table: dict[str, Any]


def featured(name: str) -> Former:
    """A model of the catalogue; clients may go on calling it by the CID of its archive.

    Raises:
        UsageError: There is none of this name, or no engine for it.
    """
    entry = lookup(name)
    if entry is None:
        meant = near(name)
        raise UsageError(
            f"{name!r} is not in the catalogue",
            hint=f"did you mean {' or '.join(meant)}?" if meant else "`eai catalog` lists what is",
        )
    require_native(entry.backend, name)
    return Former(name, {"aliases": [entry.cid]} if entry.cid else {})


def preserved(cid: str) -> Former:
    """The model whose archive has a CID: the catalogue's, else whatever is preserved there.

    Raises:
        UsageError: There is no engine for it.
    """
    name = next((entry.name for entry in entries().values() if entry.cid == cid), None)
    return Former(cid, {"ipfs": cid}) if name is None else featured(name)


def hub(repo: str, *, file: str | None, pattern: str | None, mmproj: str | None, task: str | None) -> Former:
    """A file of a repository of the Hub, or every file of it that a pattern picks.

    Raises:
        UsageError: Neither is named, or both are.
    """
    if (file is None) == (pattern is None):
        raise UsageError(
            f"the repository {repo} holds many files",
            hint="name one with --hf-file, or every part of a split model with --pattern, such as Q4_K_M",
        )
    given = {"hf": repo, "file": file, "pattern": pattern, "mmproj": mmproj, "task": task}
    name = whole_name_of(file if file is not None else f"{repo.rpartition('/')[2]}-{pattern}")
    return Former(name, {key: value for key, value in given.items() if value is not None})


def of_config(config: ConfigYaml, *, name: str = "config.yaml") -> tuple[list[Former], list[str]]:
    """The models of a config.yaml, the main one marked; clients may call each by its key.

    Returns:
        The models, and of each that was left out, where it stands and why.

    Raises:
        ZoofileError: None is left.
    """
    made: dict[str, Former] = {}
    left: list[str] = []
    for key, written in config.models.items():
        try:
            former = _configured(written)
        except UsageError as error:
            left.append(f"{name}:{config.lines[key]}: models.{key} is left out: {error.message}")
            continue
        table = made[former.name].table if former.name in made else former.table
        aliases = [*table.get("aliases", ()), *([key] if key != former.name else [])]
        extra: dict[str, Any] = {"aliases": list(dict.fromkeys(aliases))} if aliases else {}
        if key == config.main:
            extra["main"] = True
        made[former.name] = Former(former.name, {**table, **extra})
    if not made:
        raise ZoofileError("\n".join((f"{name} has no model that eai can serve", *left)))
    return list(made.values()), left


def _configured(written: Written) -> Former:
    if written.lora is not None or written.base_model is not None:
        raise UsageError(
            "`lora` and `base_model` belong to MLX's image models",
            hint="a zoofile says it as lora = [{ path = …, scale = … }] with the base model",
        )
    if written.hf_repo is not None:
        require_native(written.backend or NATIVE, written.hf_repo)
        former = hub(
            written.hf_repo,
            file=written.model,
            pattern=written.pattern,
            mmproj=written.mmproj,
            task=written.task,
        )
    elif written.model is not None:
        former = featured(written.model)
    else:
        raise UsageError(
            "it names no model", hint="`model` names one of the catalogue, `hf_repo` a repository"
        )
    if written.context_length is None:
        return former
    return Former(former.name, {**former.table, "context-length": written.context_length})


def require_native(backend: str, name: str) -> None:
    """See that a model is for an engine that eai has.

    Raises:
        UsageError: It is for MLX.
    """
    if backend != NATIVE:
        raise UsageError(
            f"{name} is for the engine {backend}, which runs on Apple's machines only, and eai has none",
            hint="choose the same model as GGUF, which every platform can serve: `eai catalog` lists some",
        )

"""`eai model download` and `check`: gets models without serving them, and says whether they are here."""

from __future__ import annotations

import argparse

from zoo.cli.command import Commands, add_command, run_as
from zoo.cli.library import Library
from zoo.cli.model_named import add_model_options, named
from zoo.cli.output import Output
from zoo.cli.project import data_dir, open_store


def configure(commands: Commands) -> None:
    """Add the commands."""
    download = add_command(
        commands,
        "download",
        "get models, and the engine that serves them",
        description="Get models into the store, verified; `eai model serve` serves all that was got.",
        example="example:\n  eai model download qwen3-1.7b",
    )
    add_model_options(download)
    download.set_defaults(model=_download)
    check = add_command(
        commands,
        "check",
        "say whether models are downloaded",
        description="Print True if every file of the models is in the store, and else False.",
        example="example:\n  eai model check qwen3-1.7b",
    )
    add_model_options(check)
    check.set_defaults(model=_check)


def _download(args: argparse.Namespace, out: Output) -> int:
    from zoo.cli import fetch  # noqa: PLC0415 - as in the other commands, once it is needed

    library = Library(data_dir() / "model")
    library.add(named(args), out)
    return run_as(fetch, ["--project", str(library.all.folder)], out)


def _check(args: argparse.Namespace, out: Output) -> int:
    library = Library(data_dir() / "model")
    models, store, lock = named(args), open_store(), library.lock()
    asked = library.models()
    locked = {} if lock is None else {model.name: model for model in lock.model}
    here = all(
        model.name in locked
        and _origin(asked.get(model.name, {})) == _origin(model.table)
        and all(store.has(file.digest) for file in locked[model.name].files())
        for model in models
    )
    out.print(str(here))
    return 0


def _origin(table: dict[str, object]) -> dict[str, object]:
    """What says which files a model has."""
    return {key: table.get(key) for key in ("hf", "file", "pattern", "mmproj", "ipfs")}

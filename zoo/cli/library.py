"""The models outside any project: what `eai model` has been asked for, locked together in the data folder.

The library is a project of its own, which keeps every pin. Whatever is served is another one, made of
some of its models, with the library's pins and without a connection: the same path as `eai up`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli

from zoo.catalog.former import Former
from zoo.cli.output import Output
from zoo.cli.project import Project
from zoo.errors import EaiError
from zoo.lock import toml
from zoo.lock.model import Lock
from zoo.platform import current
from zoo.zoofile import read
from zoo.zoofile.write import create, replace, written

_HEAD = "# Written by `eai model`, which adds to it. `eai init` begins a project of your own.\n\n"
_AS_LOCKED = argparse.Namespace(upgrade=False, upgrade_model=[], upgrade_toolchain=[])
_PORT = "port-"

Tables = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Library:
    """The folder `<data dir>/model`.

    Attributes:
        folder: That folder.
    """

    folder: Path

    @property
    def all(self) -> Project:
        """The project with every model that was asked for."""
        return Project(self.folder / "library")

    def served(self, port: int) -> Project:
        """The project that is served on a port."""
        return Project(self.folder / f"{_PORT}{port}")

    def ports(self) -> Iterator[int]:
        """Every port that something has been served on."""
        for folder in sorted(self.folder.glob(f"{_PORT}*/")):
            if (number := folder.name.removeprefix(_PORT)).isdecimal():
                yield int(number)

    def models(self) -> Tables:
        """The entry of each model, by name.

        Raises:
            ZoofileError: The zoofile of the library cannot be read.
        """
        if not self.all.zoofile.is_file():
            return {}
        models: Tables = tomli.loads(read.read_text(self.all.zoofile)).get("models", {})
        return models

    def lock(self) -> Lock | None:
        """What the library is locked as; None where nothing was locked yet.

        Raises:
            LockError: It cannot be read.
        """
        return toml.load(self.all.lock) if self.all.lock.is_file() else None

    def add(self, models: Iterable[Former], out: Output) -> None:
        """Lock more models, and keep every pin; those that are locked need no connection.

        Raises:
            EaiError: One cannot be locked; then none is added.
        """
        from zoo.cli.lock_write import write  # noqa: PLC0415 - resolving needs the network's libraries
        from zoo.cli.resolving import resolver  # noqa: PLC0415 - as above

        added = {former.name: {k: v for k, v in former.table.items() if k != "main"} for former in models}
        text = zoofile({**self.models(), **added})
        self._make(self.all)
        write(self.all, resolver(self.all, read.parse(text), _AS_LOCKED, out), out)
        _put(self.all.zoofile, text)

    def serve(self, models: Sequence[Former], server: dict[str, Any], out: Output) -> Project:
        """Make the project that is served on a port, of models that the library has.

        Args:
            models: The first is the main one, unless another is marked.
            server: `host` and `port`.
            out: Where to say what is wrong.

        Raises:
            EaiError: They cannot be served so.
        """
        from zoo.cli.resolving import resolver  # noqa: PLC0415 - as above

        project = self.served(server["port"])
        text = zoofile({former.name: former.table for former in models}, server)
        self._make(project)
        toml.write(project.lock, resolver(project, read.parse(text), _AS_LOCKED, out)(self.lock()))
        _put(project.zoofile, text)
        return project

    def _make(self, project: Project) -> None:
        try:
            project.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise EaiError(
                f"cannot make {project.folder}: {error.strerror}",
                hint="EAI_HOME says which folder eai keeps its data in",
            ) from None


def zoofile(models: Tables, server: dict[str, Any] | None = None) -> str:
    """The text of a zoofile for this machine alone."""
    tables = {"zoo": {"platforms": [current()]}} | ({} if server is None else {"server": server})
    return written(_HEAD, {**tables, "models": models})


def _put(path: Path, text: str) -> None:
    if not create(path, text):
        replace(path, text)

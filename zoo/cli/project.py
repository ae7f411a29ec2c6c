"""Which project a command is about, and where eai keeps its data."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from zoo.errors import EaiError, LockError

if TYPE_CHECKING:
    from zoo.config import Config
    from zoo.serve.state import RunState
    from zoo.store import Store

ZOOFILE, LOCK = "zoofile.toml", "zoo.lock"


@dataclass(frozen=True, slots=True)
class Project:
    """A folder that holds a zoofile.toml, a zoo.lock, or both."""

    folder: Path

    @classmethod
    def of(cls, args: argparse.Namespace) -> Self:
        """The project of `--project`, else the nearest one at or above the working folder.

        Raises:
            EaiError: There is none.
        """
        start = Path(args.project or Path.cwd()).absolute()
        above = () if args.project else start.parents
        for folder in (start, *above):
            if (folder / ZOOFILE).is_file() or (folder / LOCK).is_file():
                return cls(folder)
        raise EaiError(
            f"no {ZOOFILE} in {start}" + ("" if args.project else " or any folder above it"),
            hint="`eai init` begins a project; `eai init --demo` one that runs at once",
        )

    @property
    def zoofile(self) -> Path:
        """The path of zoofile.toml."""
        return self.folder / ZOOFILE

    @property
    def lock(self) -> Path:
        """The path of zoo.lock."""
        return self.folder / LOCK

    def require_lock(self) -> Path:
        """The path of zoo.lock, which must be there.

        Raises:
            LockError: It is not.
        """
        if not self.lock.is_file():
            raise LockError(
                f"there is no {LOCK} in {self.folder}", hint="run `eai lock`, then commit zoo.lock"
            )
        return self.lock


def add_project_option(parser: argparse.ArgumentParser) -> None:
    """Add `--project DIR`, which every command about a project takes."""
    parser.add_argument(
        "--project",
        metavar="DIR",
        help="the folder of zoofile.toml (default: this one, or the nearest above)",
    )


def add_offline_option(parser: argparse.ArgumentParser) -> None:
    """Add `--offline`, which every command that fetches what is missing takes."""
    parser.add_argument("--offline", action="store_true", help="open no connection; say what is missing")


def data_dir() -> Path:
    """Where eai keeps everything: EAI_HOME, else the user's data folder."""
    if home := os.environ.get("EAI_HOME"):
        return Path(home).absolute()
    from platformdirs import user_data_path  # noqa: PLC0415 - not needed where EAI_HOME is set

    return user_data_path("eai", appauthor=False)


def open_store() -> Store:
    """The user's store; it is made when something is first put into it.

    Raises:
        EaiError: A newer eai made it.
    """
    from zoo.store import Store  # noqa: PLC0415 - `eai lock --check` needs none

    return Store(data_dir() / "store")


def running(folder: Path) -> RunState | None:
    """What serves the project in a folder; None if nothing does."""
    from zoo.serve import state  # noqa: PLC0415 - most commands need nothing of what serves
    from zoo.serve.rundir import run_dir  # noqa: PLC0415 - as above

    return state.running(run_dir(data_dir(), folder))


def configuration() -> Config:
    """What the user has set for all projects.

    Raises:
        EaiError: config.toml says something that it cannot.
    """
    from zoo.config import load, path_of  # noqa: PLC0415 - `eai lock --check` needs none

    return load(path_of(os.environ))

"""Folders of one run: where its state and logs are kept, and where its engines' sockets are."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from zoo.errors import EaiError
from zoo.serve.logfile import LogFile

PREFIX = "eai-"
"""How the names of folders of sockets begin."""


@dataclass(frozen=True, slots=True)
class RunDir:
    """The folder `<data dir>/run/<hash>` of one project, which holds what outlives its proxy."""

    path: Path

    def prepare(self) -> None:
        """Make the folder.

        Raises:
            EaiError: That cannot be.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise EaiError(
                f"cannot make {self.path}, where the state and the logs go: {error.strerror}",
                hint="EAI_HOME says which folder eai keeps its data in",
            ) from error

    @property
    def state(self) -> Path:
        """What is running, as JSON."""
        return self.path / "state.json"

    @property
    def guard(self) -> Path:
        """The file whose lock a running proxy holds."""
        return self.path / "lock"

    @property
    def proxy_log(self) -> LogFile:
        """What the proxy says."""
        return LogFile(self.path / "proxy.log")

    def engine_log(self, model: str) -> LogFile:
        """What the engine of a model says."""
        return LogFile(self.path / f"{_file_name(model)}.engine.log")


def run_dir(data: Path, project: Path) -> RunDir:
    """The run folder of a project.

    Args:
        data: Where eai keeps everything.
        project: The folder of its zoofile.
    """
    name = hashlib.sha256(os.fsencode(project.resolve())).hexdigest()[:16]
    return RunDir(data / "run" / name)


def sockets_dir(runtime: str | None) -> Path:
    """Make a new folder that only this user can enter, with a short path, for engines' sockets.

    Args:
        runtime: XDG_RUNTIME_DIR, where it is set.
    """
    return Path(tempfile.mkdtemp(prefix=PREFIX, dir=sockets_base(runtime)))


def sockets_base(runtime: str | None) -> str | None:
    """Where such folders are made; None for where temporary files go."""
    return runtime if runtime and os.access(runtime, os.W_OK | os.X_OK) else None


def remove_sockets(folder: Path) -> None:
    """Remove the folder of sockets of a run that is over."""
    if folder.name.startswith(PREFIX):
        shutil.rmtree(folder, ignore_errors=True)


def _file_name(model: str) -> str:
    """A model's name as a file name; two names that differ stay different."""
    clean = re.sub(r"[^A-Za-z0-9._-]", "_", model)[:80].lstrip(".")
    return clean if clean == model else f"{clean}-{hashlib.sha256(model.encode()).hexdigest()[:8]}"

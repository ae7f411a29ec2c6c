"""Tells the store what a project needs, so that a garbage collection leaves that alone."""

from __future__ import annotations

from collections.abc import Iterable

from zoo.cli.output import Output
from zoo.cli.project import Project
from zoo.environment.needs import needs
from zoo.errors import EaiError
from zoo.lock.model import Build, Lock
from zoo.store import Store


def hold(project: Project, lock: Lock, builds: Iterable[Build], store: Store, out: Output) -> None:
    """Register a project, before anything is fetched for it; a folder that is read-only is no obstacle."""
    try:
        store.hold(project.folder, needs(lock, builds, store))
    except EaiError as error:
        out.warn(f"the store cannot be told what {project.folder} needs: {error.message}")

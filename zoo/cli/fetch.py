"""`eai fetch`: gets everything that zoo.lock needs on a platform, without serving."""

from __future__ import annotations

import argparse
import os

from zoo.cli.holding import hold
from zoo.cli.output import Output
from zoo.cli.project import Project, add_project_option, open_store
from zoo.cli.text import count, size
from zoo.fetch.plan import Plan, label, needed, plan
from zoo.fetch.run import JOBS, fetch
from zoo.lock.toml import load
from zoo.platform import PLATFORMS, Platform, current


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments, its description and an example."""
    parser.description = (
        "Get every model file and engine build that zoo.lock needs into the store, verified. "
        "What is there stays; what was interrupted goes on from where it was."
    )
    parser.epilog = "example:\n  eai fetch && eai up --offline"
    add_project_option(parser)
    parser.add_argument(
        "--platform", choices=PLATFORMS, metavar="P", help=f"for which platform (default: {current()})"
    )
    parser.add_argument("--offline", action="store_true", help="open no connection; say what is missing")
    parser.add_argument(
        "--jobs",
        type=int,
        choices=range(1, 65),
        default=JOBS,
        metavar="N",
        help=f"connections at once (default: {JOBS})",
    )
    parser.add_argument("--json", action="store_true", help="say what was done as JSON")


def run(args: argparse.Namespace, out: Output) -> int:
    """Do it; the exit code, 0 when done."""
    project = Project.of(args)
    lock = load(project.require_lock())
    store = open_store()
    platform: Platform = args.platform or current()
    if platform == current():
        hold(project, lock, store, out)
    todo = plan(needed(lock, platform), store)
    if todo.missing:
        bring(todo, project, out, offline=args.offline, jobs=args.jobs)
    if args.json:
        out.json(
            {
                "platform": platform,
                "present": [artifact.digest for artifact in todo.present],
                "fetched": [artifact.digest for artifact in todo.missing],
                "bytes": todo.bytes,
            }
        )
    else:
        files = count(len(todo.present) + len(todo.missing), "file")
        out.say(f"everything is here: {files}, {len(todo.missing)} of them new")
    return 0


def bring(todo: Plan, project: Project, out: Output, *, offline: bool, jobs: int = JOBS) -> None:
    """Get what is missing, and show how that goes.

    Raises:
        EaiError: As for `zoo.fetch.run.fetch`.
    """
    from zoo.cli.progress import shown  # noqa: PLC0415 - only where something is missing
    from zoo.sources.registry import sources  # noqa: PLC0415 - as above

    store = open_store()
    for artifact in todo.missing:
        if (aside := store.corrupt(artifact.digest)) is not None:
            out.warn(f"{label(artifact)}: its bytes in the store had changed; they lie in {aside}")
    if not offline:
        verb = "is" if len(todo.missing) == 1 else "are"
        out.say(f"{count(len(todo.missing), 'file')} {verb} missing: {size(todo.bytes)} to come")
    found = sources(base=project.folder, env=os.environ, offline=offline)
    with shown(out, total=todo.size) as progress:
        fetch(todo, store, found, progress=progress, offline=offline, jobs=jobs)

"""`eai up`: serves the locked environment, here or in the background."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from zoo.cli.choosing import add_variant_option, chosen
from zoo.cli.detached import Word, detach, give
from zoo.cli.holding import hold
from zoo.cli.output import Output
from zoo.cli.project import (
    LOCK,
    ZOOFILE,
    Project,
    add_offline_option,
    add_project_option,
    configuration,
    data_dir,
    open_store,
)
from zoo.cli.text import count, port
from zoo.environment.model import Environment
from zoo.errors import EXIT_INTERRUPTED, EaiError, LockError
from zoo.lock.model import Build, Lock
from zoo.lock.toml import load
from zoo.platform import current
from zoo.store import Store

if TYPE_CHECKING:
    from zoo.serve.run import Options

_EXAMPLE = """examples:
  eai up                       serve here; Ctrl-C ends it when the answers under way are whole
  eai up -d                    serve in the background; see `eai status`, `eai logs`, `eai down`
  eai up --frozen --offline    serve what zoo.lock says, and open no connection"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments, its description and an example."""
    parser.description = (
        "Serve what zoo.lock says: get what is missing, verified, and answer OpenAI's API. "
        "Exits 3 if zoo.lock is missing or stale; it is never written."
    )
    parser.epilog = _EXAMPLE
    add_project_option(parser)
    add_variant_option(parser)
    parser.add_argument("-d", "--detach", action="store_true", help="serve in the background")
    parser.add_argument("--host", help="listen there instead of where the zoofile says")
    parser.add_argument("--port", type=port, metavar="N", help="the same for the port; 0 takes a free one")
    add_offline_option(parser)
    parser.add_argument("--frozen", action="store_true", help=f"do not read {ZOOFILE}")
    parser.add_argument("--report-fd", type=int, help=argparse.SUPPRESS)


def run(args: argparse.Namespace, out: Output) -> int:
    """Do it; the exit code, 0 when every answer was whole."""
    project = Project.of(args)
    lock = load(project.require_lock())
    if not args.frozen:
        _require_fresh(project, lock)
    if not lock.model:
        raise EaiError(
            f"{project.lock} has no model, so there is nothing to serve",
            hint="`eai catalog` lists models, `eai add NAME` adds one; then run `eai lock`",
        )
    store = open_store()
    builds = chosen(lock, out, insist=args.variant)
    hold(project, lock, builds.values(), store, out)
    _bring(project, lock, builds, store, args=args, out=out)
    options = _options(project, args)
    if args.report_fd is None:  # else whoever started this has said so
        _warn(args.host or lock.server.host, out, keys=bool(options.keys))
    if args.detach:
        return detach(project, args, out)
    return _serve(lock, builds, store, options, args=args, out=out)


def _require_fresh(project: Project, lock: Lock) -> None:
    from zoo.cli.lock import out_of_date  # noqa: PLC0415 - `--frozen` needs none of this
    from zoo.lock.freshness import stale  # noqa: PLC0415 - as above
    from zoo.zoofile.read import load as load_zoofile  # noqa: PLC0415 - as above

    if not project.zoofile.is_file():
        raise LockError(
            f"there is no {ZOOFILE} beside {project.lock} to check it against",
            hint=f"`eai up --frozen` serves {LOCK} as it is",
        )
    if found := stale(lock, load_zoofile(project.zoofile)):
        raise LockError(out_of_date(found), hint="run `eai lock`, then commit zoo.lock")


def _warn(host: str, out: Output, *, keys: bool) -> None:
    from zoo.serve.guard import is_loopback  # noqa: PLC0415 - a stale lock needs none of this

    if not keys and not is_loopback(host):
        out.warn(
            "whoever reaches this machine can use its models: set EAI_API_KEY, or EAI_API_KEYS_FILE to a "
            "file of keys, and clients must have one"
        )


def _bring(
    project: Project,
    lock: Lock,
    builds: Mapping[str, Build],
    store: Store,
    *,
    args: argparse.Namespace,
    out: Output,
) -> None:
    """Get what is missing into the store, and build what is there as source code only."""
    from zoo.fetch.plan import needed, plan  # noqa: PLC0415 - a stale lock needs none of this

    todo = plan(needed(lock, builds.values()), store)
    if todo.missing:
        from zoo.cli.fetch import bring  # noqa: PLC0415 - the network's libraries, where they are needed

        bring(todo, project, out, offline=args.offline)
    if any(build.recipe is not None for build in builds.values()):
        from zoo.cli.building import build_missing  # noqa: PLC0415 - few locks have anything to build

        build_missing(builds, store, out)


def _options(project: Project, args: argparse.Namespace) -> Options:
    """How this user and this command want it served.

    Raises:
        EaiError: The API keys, or config.toml, are not as they must be.
    """
    from zoo.serve.keys import load as load_keys  # noqa: PLC0415 - a stale lock needs none of this
    from zoo.serve.run import Options  # noqa: PLC0415 - as above

    return Options(
        data=data_dir(),
        project=project.folder,
        host=args.host,
        port=args.port,
        runtime=os.environ.get("XDG_RUNTIME_DIR"),
        keys=load_keys(os.environ, configuration().server.api_keys),
        offline=args.offline,
    )


def _serve(
    lock: Lock,
    builds: Mapping[str, Build],
    store: Store,
    options: Options,
    *,
    args: argparse.Namespace,
    out: Output,
) -> int:
    from zoo.environment.build import realise  # noqa: PLC0415 - a stale lock needs none of this
    from zoo.environment.needs import in_use, needs  # noqa: PLC0415 - as above
    from zoo.serve.run import Told, serve  # noqa: PLC0415 - as above

    try:
        environment = realise(lock, current(), builds, store)
        told = Told(
            ready=lambda url: _ready(
                out, args.report_fd, announcement(url, environment, keys=bool(options.keys))
            ),
            stopping=lambda streams: _stopping(out, streams),
        )
        with store.running((*needs(lock, builds.values(), store).values(), *in_use(environment))):
            whole = serve(environment, options, told)
    except EaiError as error:
        if args.report_fd is not None:
            give(args.report_fd, Word(error=error.message, hint=error.hint, code=error.exit_code))
        raise
    return 0 if whole else EXIT_INTERRUPTED


def announcement(url: str, environment: Environment, *, keys: bool = False) -> tuple[str, ...]:
    """Where it is served and how to ask; the first line is data, the others are talk."""
    models = [
        f"{model.name} ({model.task}{', main' if model.main else ''}{', a toy' if model.note else ''})"
        for model in environment.models
    ]
    return (
        f"{url}/v1",
        f"  environment  {environment.id}",
        f"  engine       {'; '.join(environment.engines)}",
        f"  models       {', '.join(models)}",
        f"  look at it   {url}/",
        f"  ask it       {_example(url, environment, keys=keys)}",
    )


def _ready(out: Output, report: int | None, lines: tuple[str, ...]) -> None:
    if report is not None:
        give(report, Word(lines=lines))
        return
    out.print(lines[0])
    for line in lines[1:]:
        out.say(line)


def _example(url: str, environment: Environment, *, keys: bool) -> str:
    main = next(model for model in environment.models if model.main)
    path, body = {
        "chat": ("chat/completions", '{"messages": [{"role": "user", "content": "Hello!"}]}'),
        "embed": ("embeddings", '{"input": "Hello!"}'),
        "rerank": ("rerank", '{"query": "Hello!", "documents": ["Hi", "Bye"]}'),
    }.get(main.task, ("models", None))
    key = " -H 'Authorization: Bearer YOUR-KEY'" if keys else ""
    return f"curl {url}/v1/{path}{key}" + (f" -d '{body}'" if body else "")


def _stopping(out: Output, streams: int) -> None:
    whole = f"{count(streams, 'answer')} {'is' if streams == 1 else 'are'} whole"
    waiting = f"when {whole} (again Ctrl-C: at once)" if streams else ""
    out.say(f"stopping {waiting}".rstrip())

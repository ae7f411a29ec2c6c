"""`eai toolchain build`: builds from source what a lock has so, and checks that it gives the same bits."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from zoo.cli.building import shown
from zoo.cli.choosing import add_variant_option, chosen
from zoo.cli.holding import hold
from zoo.cli.output import Output
from zoo.cli.project import Project, add_offline_option, add_project_option, open_store
from zoo.errors import EaiError, IntegrityError
from zoo.fetch.plan import Plan, plan
from zoo.lock.model import Build, Lock
from zoo.lock.toml import load
from zoo.platform import current
from zoo.store import Store
from zoo.toolchains import derive


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments, its description and an example."""
    parser.description = (
        "Build the engines that zoo.lock has as source code, as `eai up` would, and print where they are. "
        "What is built already stays."
    )
    parser.epilog = "examples:\n  eai toolchain build\n  eai toolchain build llama-cpp --check"
    add_project_option(parser)
    add_variant_option(parser)
    parser.add_argument("name", nargs="?", metavar="NAME", help="only this toolchain (default: all of them)")
    parser.add_argument(
        "--check",
        action="store_true",
        help="build once more, in another folder, and compare: exits 4 if the bits differ",
    )
    add_offline_option(parser)


def run(args: argparse.Namespace, out: Output) -> int:
    """Do it; the exit code, 0 when done."""
    project = Project.of(args)
    lock = load(project.require_lock())
    store = open_store()
    builds = chosen(lock, out, insist=args.variant)
    wanted = _wanted(lock, builds, args.name)
    hold(project, lock, builds.values(), store, out)
    todo = _source(lock, wanted, store)
    if todo.missing:
        from zoo.cli.fetch import bring  # noqa: PLC0415 - the network's libraries, where they are needed

        bring(todo, project, out, offline=args.offline)
    for name, build in wanted.items():
        with shown(out) as workshop:
            tree = derive.made(build, store, workshop)
            differing = derive.differing(build, store, workshop) if args.check else ()
        if differing:
            raise _differ(name, differing, derive.record(tree))
        if args.check:
            out.say(f"{name}: built again in another folder, it is the same to the last bit")
        out.print(str(tree))
    return 0


def _wanted(lock: Lock, builds: Mapping[str, Build], name: str | None) -> dict[str, Build]:
    if name is not None and name not in {toolchain.name for toolchain in lock.toolchain}:
        raise EaiError(
            f"the lock has no toolchain {name}",
            hint=f"it has {', '.join(toolchain.name for toolchain in lock.toolchain) or 'none'}",
        )
    made = {key: build for key, build in builds.items() if build.recipe is not None}
    wanted = {key: build for key, build in made.items() if name in {None, key}}
    if not wanted:
        raise EaiError(
            f"the lock has no build of {name or 'any toolchain'} from source for {current()}",
            hint='set `from = "source"` of the toolchain in zoofile.toml, and run `eai lock`',
        )
    return wanted


def _source(lock: Lock, wanted: dict[str, Build], store: Store) -> Plan:
    """What there is of the source code, and what must come; nothing else of the lock is asked for."""
    artifacts = lock.artifacts()
    return plan((artifacts[digest] for build in wanted.values() for digest in build.digests()), store)


def _differ(name: str, differing: tuple[str, ...], record: derive.Record) -> IntegrityError:
    listed = "\n".join(f"  {file}" for file in differing)
    made_with = ", ".join(record.tools.values())
    return IntegrityError(
        f"{name}, built again, differs in\n{listed}",
        hint=f"the first was made with {made_with}: where that has changed since, so may the bits",
    )

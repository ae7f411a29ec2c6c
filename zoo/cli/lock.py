"""`eai lock`: decide every byte, and say what changed."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence

from zoo.cli.lock_report import contents
from zoo.cli.output import Output
from zoo.cli.project import LOCK, Project, add_project_option
from zoo.errors import LockError, UsageError
from zoo.lock import toml
from zoo.lock.check import validate
from zoo.lock.freshness import Stale, misspelt, stale, toolchain_requests
from zoo.zoofile import read
from zoo.zoofile.model import Zoofile

_EXAMPLE = """examples:
  eai lock                        lock what is new or changed; keep every other pin
  eai lock --check                say what is stale, and exit 3 if anything is
  eai lock --upgrade-model qwen   look again for what one model's request names now
  eai lock --diff                 show what changed since the last commit"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `eai lock`."""
    parser.epilog = _EXAMPLE
    add_project_option(parser)
    does = parser.add_mutually_exclusive_group()
    does.add_argument(
        "--check", action="store_true", help="change nothing, open no connection; exit 3 if it is stale"
    )
    does.add_argument(
        "--diff",
        nargs="?",
        const="HEAD",
        metavar="REV|FILE",
        help="change nothing; show how zoo.lock differs from a git revision (default: HEAD) or a file",
    )
    does.add_argument("--upgrade", action="store_true", help="look again for everything")
    parser.add_argument(
        "--upgrade-model", action="append", default=[], metavar="NAME", help="look again for this model"
    )
    parser.add_argument(
        "--upgrade-toolchain",
        action="append",
        default=[],
        metavar="NAME",
        help="look again for this toolchain",
    )
    parser.add_argument("--json", action="store_true", help="write what is stale, or changed, as JSON")


def run(args: argparse.Namespace, out: Output) -> int:
    """Lock the project, or only say how it is."""
    if (args.check or args.diff) and (args.upgrade_model or args.upgrade_toolchain):
        raise UsageError("--check and --diff change nothing, so there is nothing to upgrade")
    project = Project.of(args)
    if args.diff:
        from zoo.cli.lock_diff import show  # noqa: PLC0415 - runs git, which other uses do not

        return show(project, args.diff, out, as_json=args.json)
    zoofile = read.load(project.zoofile)
    if args.check:
        return _check(project, zoofile, out, as_json=args.json)
    _known("model", args.upgrade_model, zoofile.models)
    _known("toolchain", args.upgrade_toolchain, toolchain_requests(zoofile))
    from zoo.cli.lock_write import write  # noqa: PLC0415 - resolving needs the network's libraries
    from zoo.cli.resolving import resolver  # noqa: PLC0415 - as above

    return write(project, resolver(project, zoofile, args, out), out, as_json=args.json)


def _check(project: Project, zoofile: Zoofile, out: Output, *, as_json: bool) -> int:
    text = toml.decode(toml.read(project.require_lock()))
    lock = toml.loads(text)
    validate(lock)
    found = (*stale(lock, zoofile), *misspelt(lock, text))
    if as_json:
        out.json({"fresh": not found, "stale": [_plain(each) for each in found]})
        return LockError.exit_code if found else 0
    if found:
        raise LockError(out_of_date(found), hint="run `eai lock`, then commit zoo.lock")
    out.say(f"{LOCK} is fresh: {contents(lock)}")
    return 0


def out_of_date(found: Sequence[Stale]) -> str:
    """Say of every stale subject why it is."""
    width = max(len(each.name) for each in found)
    return "\n".join(
        (f"{LOCK} is out of date", *(f"  {each.name:<{width}}  {each.reason}" for each in found))
    )


def _known(what: str, named: Iterable[str], there: Iterable[str]) -> None:
    known = sorted(there)
    for name in sorted(named):
        if name not in known:
            from difflib import get_close_matches  # noqa: PLC0415 - only for this error

            near = get_close_matches(name, known, n=3) or known[:10]
            hint = f"did you mean {' or '.join(near)}?" if near else f"the zoofile has no {what} yet"
            raise UsageError(f"the zoofile has no {what} named {name}", hint=hint)


def _plain(each: Stale) -> dict[str, str]:
    return {"subject": each.subject, "name": each.name, "reason": each.reason}

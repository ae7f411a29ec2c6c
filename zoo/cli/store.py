"""`eai store`: looks into the store."""

from __future__ import annotations

import argparse

from zoo.cli import store_serve
from zoo.cli.command import add_command
from zoo.cli.output import Output
from zoo.cli.project import open_store
from zoo.cli.text import count
from zoo.digest import Digest
from zoo.errors import EaiError, IntegrityError, UsageError
from zoo.store import Store

_SHORTEST = 4


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments, its description and an example."""
    parser.description = "Look into the store, which holds every model file and engine build by its digest."
    parser.epilog = "example:\n  eai store verify"
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    ls = add_command(commands, "ls", "list what is in it", example="example:\n  eai store ls --json")
    ls.add_argument("--json", action="store_true", help="as JSON")
    ls.set_defaults(store=_ls)
    verify = add_command(
        commands,
        "verify",
        "read everything again and compare",
        description="Read everything again and compare. What is corrupt is set aside, with exit code 4.",
        example="example:\n  eai store verify || eai fetch",
    )
    verify.add_argument("--json", action="store_true", help="as JSON")
    verify.set_defaults(store=_verify)
    path = add_command(
        commands,
        "path",
        "print where it is, or an object of it",
        example="example:\n  eai store path sha256:5a1c…",
    )
    path.add_argument("digest", nargs="?", help="a digest, or its first digits")
    path.set_defaults(store=_path)
    serve = add_command(commands, "serve", "give its objects to other machines, read-only")
    store_serve.configure(serve)
    serve.set_defaults(store=store_serve.run)


def run(args: argparse.Namespace, out: Output) -> int:
    """Do it; the exit code, 0 when done."""
    return int(args.store(args, open_store(), out))


def _ls(args: argparse.Namespace, store: Store, out: Output) -> int:
    sizes = store.sizes()
    if args.json:
        out.json(
            {
                "store": str(store.root),
                "objects": [
                    {"digest": digest, "size": size, "path": str(store.object(digest))}
                    for digest, size in sizes.items()
                ],
                "trees": [str(tree) for tree in store.trees()],
            }
        )
        return 0
    for digest, size in sizes.items():
        out.print(f"{digest}  {size:>15,}")
    out.say(f"{count(len(sizes), 'object')}, {sum(sizes.values()):,} bytes, in {store.root}")
    return 0


def _verify(args: argparse.Namespace, store: Store, out: Output) -> int:
    sizes = store.sizes()
    out.say(f"reading {count(len(sizes), 'object')}, {sum(sizes.values()):,} bytes")
    report = store.verify()
    if args.json:
        out.json(
            {
                "objects": report.objects,
                "bytes": report.bytes,
                "trees": report.trees,
                "corrupt": [
                    {"kind": it.kind, "name": it.name, "reason": it.reason, "aside": str(it.aside)}
                    for it in report.corrupt
                ],
            }
        )
    else:
        total = report.objects + report.trees
        out.say(f"{total - len(report.corrupt)} of {total} objects and trees are as they should be")
    if not report.corrupt:
        return 0
    lines = [f"  {it.kind} {it.name}: {it.reason}; it lies in {it.aside}" for it in report.corrupt]
    raise IntegrityError(
        "\n".join([f"{len(report.corrupt)} corrupt:", *lines]),
        hint="nothing of that is used any more; the next `eai fetch` or `eai up` gets it again",
    )


def _path(args: argparse.Namespace, store: Store, out: Output) -> int:
    if args.digest is None:
        out.print(str(store.root))
        return 0
    digest = _chosen(args.digest, store)
    out.print(str(store.object(digest)))
    return 0


def _chosen(text: str, store: Store) -> Digest:
    """The object whose digest begins so.

    Raises:
        UsageError: Too few digits, or several objects begin so.
        EaiError: There is none.
    """
    start = text.removeprefix("sha256:").lower()
    if len(start) < _SHORTEST:
        raise UsageError(f"{text!r} is too short for a digest", hint=f"give at least {_SHORTEST} digits")
    found = [digest for digest in store.sizes() if digest.hex.startswith(start)]
    if not found:
        raise EaiError(f"no object in {store.root} begins with {text}", hint="`eai store ls` lists them all")
    if len(found) > 1:
        raise UsageError(f"{len(found)} objects begin with {text}", hint="give more digits")
    return found[0]

"""`eai preserve`: puts models on IPFS, and their CIDs into the lock."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.cli.numbers import whole
from zoo.cli.output import Output
from zoo.cli.project import Project, add_project_option, open_store
from zoo.cli.text import count
from zoo.errors import EaiError, LockError, UsageError
from zoo.preserve import choose, lines
from zoo.preserve.targets import CAR, Where

if TYPE_CHECKING:
    from zoo.lock.model import Model
    from zoo.preserve.content import Content
    from zoo.preserve.events import Progress
    from zoo.preserve.target import Target

_EXAMPLE = """examples:
  eai preserve --to kubo                       all models, to the node on this machine
  eai preserve qwen3-1.7b --to lighthouse      one model; LIGHTHOUSE_API_KEY is needed
  eai preserve --to kubo --to car models.car   to two places at once
  eai preserve --toolchains --to kubo          all that this platform needs, engine included"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments, its description and an example."""
    parser.description = (
        "Put models on IPFS: say the CID of every file, send what the target does not have, read back, and "
        "add one line for each file to zoo.lock. Interrupted, it goes on where it was when it is run again."
    )
    parser.epilog = _EXAMPLE
    parser.usage = "eai preserve [MODEL …] --to TARGET [FILE] [--to …] [options]"
    parser.add_argument("models", nargs="*", metavar="MODEL", help="models of the lock (default: all)")
    add_project_option(parser)
    add_target_options(parser)
    parser.add_argument(
        "--toolchains",
        action="store_true",
        help="also the engine builds for this platform, so that nothing is needed from anywhere else",
    )
    parser.add_argument(
        "--format",
        choices=("unixfs", "archive"),
        default="unixfs",
        help="unixfs: each file as it is (default); archive: each model as older installations read it, "
        "which the lock does not record",
    )
    parser.add_argument("--json", action="store_true", help="say what was done as JSON")


def add_target_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say where to preserve, and how."""
    parser.add_argument(
        "--to",
        nargs="+",
        action="append",
        required=True,
        metavar=("TARGET", "FILE"),
        help="kubo, lighthouse, pinning-service, or car FILE; may be given several times",
    )
    parser.add_argument(
        "--read-back",
        choices=("sample", "all"),
        default="sample",
        help="how much of each file is read back (default: sample: all inner blocks and 32 leaves)",
    )
    parser.add_argument(
        "--max-retries",
        type=whole(0, 100),
        default=5,
        metavar="N",
        help="how often a target that breaks off is tried again (default: 5)",
    )


def run(args: argparse.Namespace, out: Output) -> int:
    """Do it; the exit code, 0 when done."""
    project = Project.of(args)
    wanted, more = where(args.to)
    path = project.require_lock()
    lock, _ = lines.load(path)
    models = choose.models(lock, (*args.models, *more))
    items = choose.items(models)
    if args.toolchains:
        from zoo.cli.choosing import chosen  # noqa: PLC0415 - most runs preserve models alone

        items += choose.builds(lock, chosen(lock, out))
    store = open_store()
    choose.require(items, store)
    if args.format == "archive":
        if args.toolchains:
            raise UsageError(
                "an archive holds one model, and no toolchain", hint="leave out --format archive"
            )
        return _archives(models, wanted, args, out)
    from zoo.cli.preserving import shown, targets  # noqa: PLC0415 - only once there is something to do
    from zoo.preserve.objects import content_of  # noqa: PLC0415 - as above

    with shown(out) as tell, targets(wanted, args, tell) as places:
        contents: dict[choose.Item, Content] = {}
        for item in items:
            contents[item] = content_of(item, store, tell)
            if not args.json:
                out.offer(f"{contents[item].cid}  {item.name}")
        written = _keep(path, contents, places, out, tell)
    _warn(path, contents, out)
    return _report(contents, places, out, written=written, as_json=args.json)


def refuse_car(wanted: Sequence[Where]) -> None:
    """See that no archive should go into a CAR.

    Raises:
        UsageError: One should.
    """
    if any(place.name == CAR for place in wanted):
        raise UsageError("an archive is sent part by part, so that it fits in no CAR", hint="use --to kubo")


def _archives(models: Sequence[Model], wanted: Sequence[Where], args: argparse.Namespace, out: Output) -> int:
    refuse_car(wanted)
    from zoo.cli.preserving import shown, targets  # noqa: PLC0415 - only once there is something to do
    from zoo.preserve import legacy_model  # noqa: PLC0415 - as above

    store = open_store()
    laid_out = [legacy_model.of_lock(model, store) for model in models]
    store.require(max(legacy_model.scratch_needed(*each) for each in laid_out))
    done: dict[str, str] = {}
    with shown(out) as tell, targets(wanted, args, tell) as places:
        for item in choose.items(models):
            choose.require_intact(item, store)
        for entries, about in laid_out:
            preserved = legacy_model.preserve(
                entries, about, places, threads=legacy_model.THREADS, scratch=store.layout.ingest, tell=tell
            )
            done[about.folder] = str(preserved.cid)
            if not args.json:
                out.offer(f"{preserved.cid}  {about.folder}")
    if args.json:
        models_done = [{"model": name, "cid": cid} for name, cid in done.items()]
        out.json({"targets": [place.label for place in places], "archives": models_done})
    return 0


def where(words: Sequence[Sequence[str]]) -> tuple[list[Where], list[str]]:
    """Tell targets from models: `--to` takes all words up to the next option.

    Raises:
        UsageError: A CAR has no file.
    """
    wanted: list[Where] = []
    models: list[str] = []
    for name, *rest in words:
        if name == CAR:
            if not rest:
                raise UsageError("--to car wants the name of a file", hint="write `--to car models.car`")
            wanted.append(Where(CAR, Path(rest[0]).absolute()))
            models += rest[1:]
        else:
            wanted.append(Where(name))
            models += rest
    return wanted, models


def _keep(
    path: Path,
    contents: dict[choose.Item, Content],
    places: Sequence[Target],
    out: Output,
    tell: Progress,
) -> bool:
    """Preserve, and add each file's line as soon as every target has the file."""
    from zoo.preserve.target import keep  # noqa: PLC0415 - only once there is something to do

    digests = {content.cid: item.digest for item, content in contents.items()}
    written, done = False, 0

    def kept(content: Content) -> None:
        nonlocal written, done
        try:
            written |= lines.add(path, {digests[content.cid]: content.cid})
        except LockError as error:
            hint = f"{error.hint or 'mend it'}; then preserve again: nothing is sent twice"
            raise LockError(error.message, hint=hint) from None
        done += 1

    try:
        keep(tuple(contents.values()), places, tell=tell, kept=kept)
    except EaiError:
        out.say(
            f"zoo.lock has {count(done, 'CID')} of {len(contents)}: each comes once every target has the file"
        )
        raise
    return written


def _warn(path: Path, contents: dict[choose.Item, Content], out: Output) -> None:
    """Say which files the lock has no line for, since it changed while they were sent."""
    cids = {item.digest: content.cid for item, content in contents.items()}
    lost = set(lines.without(path, cids))
    for item, content in contents.items():
        if item.digest in lost:
            out.warn(f"zoo.lock has changed, and has no place for the CID of {item.name} now: {content.cid}")


def _report(
    contents: dict[choose.Item, Content],
    places: Sequence[Target],
    out: Output,
    *,
    written: bool,
    as_json: bool,
) -> int:
    labels = [place.label for place in places]
    if as_json:
        artifacts = [
            {"name": item.name, "digest": item.digest, "cid": str(content.cid), "size": content.dag.size}
            for item, content in contents.items()
        ]
        out.json({"targets": labels, "artifacts": artifacts, "written": written})
        return 0
    what = f"{count(len(contents), 'file')} preserved at {' and '.join(labels)}"
    out.say(f"{what}; zoo.lock has the CIDs: commit it" if written else f"{what}; zoo.lock needed no change")
    return 0

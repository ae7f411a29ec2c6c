"""`eai fetch`: gets everything that zoo.lock needs on a platform, without serving."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.cli.choosing import add_variant_option, chosen
from zoo.cli.holding import hold
from zoo.cli.numbers import whole
from zoo.cli.output import Output
from zoo.cli.project import Project, add_offline_option, add_project_option, configuration, open_store
from zoo.cli.text import count, size
from zoo.fetch.plan import Plan, label, needed, plan
from zoo.fetch.run import JOBS, fetch
from zoo.lock.model import Build
from zoo.lock.toml import load
from zoo.platform import PLATFORMS, Platform, current
from zoo.store import Store
from zoo.toolchains.choose import every

if TYPE_CHECKING:
    from zoo.sources.cars import CarFile


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments, its description and an example."""
    parser.description = (
        "Get every model file and engine build that zoo.lock needs into the store, verified. "
        "What is there stays; what was interrupted goes on from where it was."
    )
    parser.epilog = (
        "examples:\n"
        "  eai fetch && eai up --offline\n"
        "  eai fetch --from http://192.168.1.20:8081\n"
        "  eai fetch --from /media/usb/models.car --offline"
    )
    add_project_option(parser)
    add_variant_option(parser)
    parser.add_argument(
        "--platform", choices=PLATFORMS, metavar="P", help=f"for which platform (default: {current()})"
    )
    add_offline_option(parser)
    parser.add_argument(
        "--jobs",
        type=whole(1, 64),
        default=JOBS,
        metavar="N",
        help=f"connections at once (default: {JOBS})",
    )
    parser.add_argument(
        "--from",
        dest="origins",
        action="append",
        default=[],
        type=origin,
        metavar="URL|FILE",
        help="ask this store first, as `eai store serve` offers one, or this CAR file, as `eai preserve --to "
        "car` writes one; may be given several times",
    )
    parser.add_argument("--json", action="store_true", help="say what was done as JSON")


def run(args: argparse.Namespace, out: Output) -> int:
    """Do it; the exit code, 0 when done."""
    project = Project.of(args)
    lock = load(project.require_lock())
    store = open_store()
    platform: Platform = args.platform or current()
    here = chosen(lock, out, insist=args.variant) if platform == current() else None
    if here is not None:
        hold(project, lock, here.values(), store, out)
    # For another platform all, since nobody knows what its machines have.
    builds = every(lock, platform, insist=args.variant) if here is None else here.values()
    todo = plan(needed(lock, builds), store)
    if todo.missing:
        bring(todo, project, out, offline=args.offline, jobs=args.jobs, origins=args.origins)
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
    if here is not None:
        _say_unbuilt(here, store, out)
    return 0


def _say_unbuilt(builds: Mapping[str, Build], store: Store, out: Output) -> None:
    """Say what is here as source code only; a machine that fetches need not be the one that serves."""
    from zoo.cli.building import unbuilt  # noqa: PLC0415 - after the fetch, which is what takes time

    for name in unbuilt(builds, store):
        out.say(f"`eai up` builds {name} from source, or `eai toolchain build` now")


def bring(
    todo: Plan,
    project: Project,
    out: Output,
    *,
    offline: bool,
    jobs: int = JOBS,
    origins: Sequence[str | Path] = (),
) -> None:
    """Get what is missing, and show how that goes.

    These CAR files are asked first, then these peers, and then the configured ones.

    Raises:
        EaiError: As for `zoo.fetch.run.fetch`.
    """
    from zoo.cli.progress import shown  # noqa: PLC0415 - only where something is missing
    from zoo.sources.cars import have  # noqa: PLC0415 - as above
    from zoo.sources.registry import sources  # noqa: PLC0415 - as above

    store = open_store()
    for artifact in todo.missing:
        if (aside := store.corrupt(artifact.digest)) is not None:
            out.warn(f"{label(artifact)}: its bytes in the store had changed; they lie in {aside}")
    if not offline:
        verb = "is" if len(todo.missing) == 1 else "are"
        out.say(f"{count(len(todo.missing), 'file')} {verb} missing: {size(todo.bytes)} to come")
    config = configuration()
    peers = [each for each in origins if isinstance(each, str)]
    with ExitStack() as stack:
        here = [stack.enter_context(_car(each, out)) for each in origins if isinstance(each, Path)]
        if here and not any(have(here, uri) for artifact in todo.missing for uri in artifact.ipfs):
            out.warn("nothing that is missing is in a CAR file under a CID that zoo.lock has")
        found = sources(base=project.folder, env=os.environ, offline=offline, config=config, cars=here)
        with shown(out, total=todo.size) as progress:
            fetch(
                todo,
                store,
                found,
                progress=progress,
                offline=offline,
                jobs=jobs,
                peers=(*peers, *config.fetch.peers),
                cars=here,
            )


@contextmanager
def _car(path: Path, out: Output) -> Iterator[CarFile]:
    """Open a CAR file, and say of one that is damaged what that means."""
    from zoo.sources.cars import opened  # noqa: PLC0415 - only where `--from` is given

    out.say(f"looking through {path}")
    with opened(path) as file:
        if file.damage is not None:
            out.warn(f"{path}: {file.damage}; {count(file.count, 'block')} of it can be used")
        yield file


def origin(text: str) -> str | Path:
    """Take an address of a store, or a CAR file.

    Raises:
        ArgumentTypeError: It is neither.
    """
    from zoo.config import BASE, is_base, unsecret  # noqa: PLC0415 - only where `--from` is given
    from zoo.zoofile.problem import quoted  # noqa: PLC0415 - as above

    if is_base(text):
        return text
    if not Path(text).is_file():
        raise argparse.ArgumentTypeError(
            f"{quoted(unsecret(text))} is neither http://HOST:PORT nor a file here"
        )
    return Path(text)

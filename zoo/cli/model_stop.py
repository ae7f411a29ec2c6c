"""`eai model stop` and `status`: end, or show, what `eai model run` and `serve` have started."""

from __future__ import annotations

import argparse

from zoo.cli import down, status
from zoo.cli.command import Commands, add_command, run_as
from zoo.cli.library import Library
from zoo.cli.output import Output
from zoo.cli.project import data_dir, running
from zoo.cli.text import port
from zoo.errors import UsageError


def configure(commands: Commands) -> None:
    """Add the commands."""
    stop = add_command(
        commands,
        "stop",
        "stop serving models",
        description="Stop a server that `eai model run` or `serve` has started; answers under way end first.",
        example="example:\n  eai model stop",
    )
    stop.add_argument("--force", action="store_true", help="wait for no answer; kill what does not end")
    stop.add_argument("--port", type=port, metavar="N", help="which one, where there are several")
    stop.set_defaults(model=_stop)
    shows = add_command(
        commands,
        "status",
        "show which models are being served",
        description="Show what is being served. Exits 0 if something is, and 1 if not.",
        example="example:\n  eai model status",
    )
    shows.add_argument("--json", action="store_true", help="say it as JSON, a line for each server")
    shows.set_defaults(model=_status)


def _stop(args: argparse.Namespace, out: Output) -> int:
    library = Library(data_dir() / "model")
    ports = _ports(library)
    if args.port is not None:
        ports = [each for each in ports if each == args.port]
    if not ports:
        out.say("no model is being served" + ("" if args.port is None else f" on port {args.port}"))
        return 0
    if len(ports) > 1:
        raise UsageError(
            f"models are being served on the ports {', '.join(map(str, ports))}",
            hint="name one with --port",
        )
    words = ["--project", str(library.served(ports[0]).folder), *(["--force"] if args.force else [])]
    return run_as(down, words, out)


def _status(args: argparse.Namespace, out: Output) -> int:
    library = Library(data_dir() / "model")
    ports = _ports(library)
    if not ports:
        out.say("no model is being served; `eai model run NAME` serves one")
        return 1
    for number in ports:
        words = ["--project", str(library.served(number).folder), *(["--json"] if args.json else [])]
        run_as(status, words, out)
    return 0


def _ports(library: Library) -> list[int]:
    return [number for number in library.ports() if running(library.served(number).folder) is not None]

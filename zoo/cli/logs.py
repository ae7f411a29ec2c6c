"""`eai logs`: shows what the proxy and the engines say."""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zoo.cli.output import Output
from zoo.cli.project import Project, add_project_option, data_dir
from zoo.errors import UsageError

if TYPE_CHECKING:
    from zoo.serve.logfile import LogFile

_LINES = 100
_LOOK = 0.2


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments, its description and an example."""
    parser.description = "Show the logs of this project's proxy and engines, also after they have ended."
    parser.epilog = "example:\n  eai logs dolphin -f"
    add_project_option(parser)
    parser.add_argument("model", nargs="?", metavar="MODEL", help="only this model's engine")
    parser.add_argument("-f", "--follow", action="store_true", help="go on with what is said from now on")
    parser.add_argument(
        "-n", "--lines", type=number, default=_LINES, help=f"how many lines of each ({_LINES})"
    )


def run(args: argparse.Namespace, out: Output) -> int:
    """Do it; the exit code, 0 when done."""
    logs = _logs(Project.of(args), args.model)
    from zoo.serve.logfile import Follower  # noqa: PLC0415 - `--help` does not need it

    shown = _Shown(out, titled=len(logs) > 1)
    followed = []
    for name, log in logs.items():
        end = log.size()
        followed.append((name, Follower(log, end)))
        shown.lines(name, log.tail(args.lines, until=end))
    while args.follow:
        time.sleep(_LOOK)
        for name, follower in followed:
            shown.lines(name, follower.news())
    return 0


def number(text: str) -> int:
    """A number of lines; argparse shows the name of this function where it is none."""
    if not text.isdecimal():
        raise ValueError(text)
    return int(text)


def _logs(project: Project, model: str | None) -> dict[str, LogFile]:
    """The logs to show, by what they are called."""
    from zoo.lock.toml import load  # noqa: PLC0415 - `--help` does not need it
    from zoo.serve.rundir import run_dir  # noqa: PLC0415 - as above

    run = run_dir(data_dir(), project.folder)
    names = [locked.name for locked in load(project.require_lock()).model]
    if model is None:
        return {"proxy": run.proxy_log} | {name: run.engine_log(name) for name in names}
    if model not in names:
        raise UsageError(f"zoo.lock has no model {model}", hint=f"it has {', '.join(names)}")
    return {model: run.engine_log(model)}


@dataclass(slots=True)
class _Shown:
    """Prints lines, and whose they are where that changes."""

    out: Output
    titled: bool
    last: str | None = None

    def lines(self, name: str, lines: tuple[str, ...]) -> None:
        """Print some lines of one log; what could command a terminal is replaced."""
        if lines and self.titled and name != self.last:
            self.out.print(f"==> {name} <==")
            self.last = name
        for line in lines:
            self.out.print("".join(c if c.isprintable() or c == "\t" else "\ufffd" for c in line))

"""`eai down`: stops serving."""

from __future__ import annotations

import argparse
import signal
import time
from typing import TYPE_CHECKING

from zoo.cli.output import Output
from zoo.cli.project import Project, add_project_option, running
from zoo.errors import EaiError

if TYPE_CHECKING:
    from zoo.serve.state import RunState

_FORCED = 10.0
_LOOK = 0.01


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments, its description and an example."""
    parser.description = (
        "Stop serving this project. Answers under way come to their end first, within drain-timeout."
    )
    parser.epilog = "example:\n  eai down"
    add_project_option(parser)
    parser.add_argument("--force", action="store_true", help="wait for no answer; kill what does not end")


def run(args: argparse.Namespace, out: Output) -> int:
    """Do it; the exit code, 0 when nothing is served any more."""
    import psutil  # noqa: PLC0415 - 20 ms that `--help` does not need

    project = Project.of(args)
    seen = running(project.folder)
    if seen is None:
        out.say(f"{project.folder} is not being served")
        return 0
    process = psutil.Process(seen.pid)
    try:
        process.terminate()
        if args.force:
            process.send_signal(signal.SIGINT)  # a second SIGTERM could fall together with the first
        else:
            out.say(f"stopping {seen.url}; answers under way come to their end first")
        if not _ended(seen, within=_FORCED if args.force else None):
            process.kill()
            _ended(seen, within=None)
    except psutil.NoSuchProcess:
        pass  # it ended by itself meanwhile
    except psutil.AccessDenied as error:
        raise EaiError(f"process {seen.pid} is another user's", hint="ask them to run `eai down`") from error
    out.say("stopped")
    return 0


def _ended(seen: RunState, *, within: float | None) -> bool:
    """Wait until the process has ended; False if it has not within so many seconds.

    psutil's own wait goes on until the ended process has been reaped, which the first process of a
    container does late, or never.
    """
    from zoo.serve import state  # noqa: PLC0415 - `--help` does not need it

    until = None if within is None else time.monotonic() + within
    while state.is_alive(seen):
        if until is not None and time.monotonic() >= until:
            return False
        time.sleep(_LOOK)
    return True

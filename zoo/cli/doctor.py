"""`eai doctor`: shows what this machine has, and everything that keeps eai from serving."""

from __future__ import annotations

import argparse
from pathlib import Path

from zoo.cli.output import Output
from zoo.cli.project import Project, add_project_option, data_dir
from zoo.errors import EaiError


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments, its description and an example."""
    parser.description = (
        "Show what this machine has, which build of each engine it takes and why, and everything that is in "
        "the way of `eai up`, with what to do about it. Opens no connection, works without a project too, "
        "and exits 1 if something stops `eai up`."
    )
    parser.epilog = "examples:\n  eai doctor\n  eai doctor --json | jq '.findings[].what'"
    add_project_option(parser)
    parser.add_argument("--json", action="store_true", help="say it as JSON")


def run(args: argparse.Namespace, out: Output) -> int:
    """Do it; the exit code, 0 when nothing stops `eai up`."""
    from zoo.cli import doctor_report  # noqa: PLC0415 - `--help` does not need it
    from zoo.doctor.examine import Patient, examine  # noqa: PLC0415 - as above
    from zoo.doctor.finding import stops  # noqa: PLC0415 - as above

    report = examine(Patient(data=data_dir(), project=_folder(args)))
    if args.json:
        out.json(doctor_report.plain(report))
    else:
        for line in doctor_report.lines(report):
            out.print(line)
    return int(stops(report.findings))


def _folder(args: argparse.Namespace) -> Path | None:
    """The project's folder; None where there is none, unless one was named."""
    try:
        return Project.of(args).folder
    except EaiError:
        if args.project:
            raise
        return None

"""`eai model`: models outside any project, under the commands of Eternal Zoo and CryptoModels."""

from __future__ import annotations

import argparse

from zoo.cli import model_get, model_preserve, model_run, model_stop
from zoo.cli.output import Output


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the commands, a description and an example."""
    parser.description = "Models outside any project: served, downloaded and preserved in one command."
    parser.epilog = "example:\n  eai model run qwen3-1.7b"
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for each in (model_run, model_stop, model_get, model_preserve):
        each.configure(commands)


def run(args: argparse.Namespace, out: Output) -> int:
    """Do it; the exit code, 0 when done."""
    return int(args.model(args, out))

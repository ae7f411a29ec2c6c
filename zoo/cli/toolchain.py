"""`eai toolchain`: the engines that a lock pins."""

from __future__ import annotations

import argparse

from zoo.cli import toolchain_build
from zoo.cli.output import Output


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments, its description and an example."""
    parser.description = "The engines that zoo.lock pins."
    parser.epilog = "example:\n  eai toolchain build --check"
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    build = commands.add_parser("build", help="build from source what is locked so")
    toolchain_build.configure(build)
    build.set_defaults(toolchain=toolchain_build.run)
    for command in (build,):
        command.formatter_class = argparse.RawDescriptionHelpFormatter


def run(args: argparse.Namespace, out: Output) -> int:
    """Do it; the exit code, 0 when done."""
    return int(args.toolchain(args, out))

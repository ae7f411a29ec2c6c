"""`eai remove`: one model less in zoofile.toml, with everything else in it left alone."""

from __future__ import annotations

import argparse

from zoo.cli.output import Output
from zoo.cli.project import ZOOFILE, Project, add_project_option
from zoo.zoofile.edit import remove_model
from zoo.zoofile.read import parse_toml, read_text
from zoo.zoofile.write import replace


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments and an example."""
    parser.add_argument("name", metavar="NAME", help="the model's name in zoofile.toml")
    add_project_option(parser)
    parser.epilog = "example:\n  eai remove dolphin"


def run(args: argparse.Namespace, out: Output) -> int:
    """Remove it."""
    project = Project.of(args)
    text = read_text(project.zoofile)
    # Removing a model may be just what mends a zoofile, so it need only be TOML.
    parse_toml(text, ZOOFILE)
    replace(project.zoofile, remove_model(text, args.name))
    out.say(f"{ZOOFILE}: removed `{args.name}`\nrun `eai lock` to remove it from zoo.lock")
    return 0

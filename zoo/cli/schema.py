"""`eai schema`: the JSON Schema of zoofile.toml, for editors."""

from __future__ import annotations

import argparse

from zoo.cli.output import Output
from zoo.zoofile.schema import json_schema


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's example."""
    parser.epilog = """\
example:
  eai schema > zoofile.schema.json

With `#:schema ./zoofile.schema.json` as the first line of zoofile.toml, editors that know TOML
complete keys and mark mistakes."""


def run(args: argparse.Namespace, out: Output) -> int:  # noqa: ARG001 - the interface of commands
    """Print it."""
    out.json(json_schema())
    return 0

"""`eai import`: a config.yaml of Eternal Zoo or CryptoModels becomes a zoofile.toml."""

from __future__ import annotations

import argparse
from pathlib import Path

from zoo.catalog.former import of_config
from zoo.cli.output import Output
from zoo.cli.project import ZOOFILE
from zoo.errors import EaiError
from zoo.zoofile import config_yaml, read
from zoo.zoofile.write import create, written


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments, its description and an example."""
    parser.description = (
        "Write the zoofile.toml that says what a config.yaml of Eternal Zoo or CryptoModels says. "
        "Models that eai has no engine for are left out, and named."
    )
    parser.epilog = "example:\n  eai import config.yaml && eai lock && eai up"
    parser.add_argument("config", type=Path, metavar="CONFIG.YAML", help="the file to read; it is left alone")
    parser.add_argument(
        "--project", type=Path, default=Path(), metavar="DIR", help="where to (default: here)"
    )


def run(args: argparse.Namespace, out: Output) -> int:
    """Do it; the exit code, 0 when done."""
    source = read.read_text(args.config, hint="name the config.yaml of an Eternal Zoo")
    config = config_yaml.read(source, name=args.config.name)
    models, left = of_config(config, name=args.config.name)
    for each in left:
        out.warn(each)
    head = f"# From {args.config.name}. `eai schema` describes all that can stand here.\n\n"
    server = {"host": config.host, "port": config.port}
    text = written(head, {"server": server, "models": {model.name: model.table for model in models}})
    read.parse(text)
    path = args.project.absolute() / ZOOFILE
    if not create(path, text):
        raise EaiError(f"there is a {path} already", hint="import into another folder: --project DIR")
    out.say(f"wrote {path}: {len(models)} models\nrun `eai lock`, then `eai up`")
    return 0

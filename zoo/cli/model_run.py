"""`eai model run` and `serve`: from a model's name to a server, with a zoofile and a lock of their own."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from zoo.catalog.former import BACKENDS, Former, of_config, preserved, require_native
from zoo.cli.command import Commands, add_command, run_as
from zoo.cli.library import Library
from zoo.cli.model_named import add_model_options, named
from zoo.cli.output import Output
from zoo.cli.project import Project, data_dir
from zoo.cli.text import port
from zoo.errors import EaiError, UsageError
from zoo.zoofile import config_yaml
from zoo.zoofile.model import Server
from zoo.zoofile.read import read_text

_RUN = """examples:
  eai model run qwen3-1.7b
  eai model run qwen3-14b,qwen3-embedding-0.6b     the first is the main model
  eai model run --hf-repo dphn/Dolphin3.0-Llama3.1-8B-GGUF --hf-file Dolphin3.0-Llama3.1-8B-Q4_0.gguf
  eai model run --config config.yaml --foreground"""
_SERVE = """examples:
  eai model serve
  eai model serve --main-model qwen3-1.7b"""


def configure(commands: Commands) -> None:
    """Add the commands."""
    run = add_command(
        commands,
        "run",
        "serve models by name, in the background",
        description="Get models, lock them, and serve them in the background: `eai up` without a project.",
        example=_RUN,
    )
    add_model_options(run)
    run.add_argument("--config", type=Path, metavar="FILE", help="serve what a config.yaml says")
    _add_server_options(run)
    run.set_defaults(model=_run)
    serve = add_command(
        commands,
        "serve",
        "serve every downloaded model",
        description="Serve every model that `eai model run` or `download` has got, in the background.",
        example=_SERVE,
    )
    main = serve.add_mutually_exclusive_group()
    main.add_argument("--main-hash", metavar="CID", help="the main model, by its CID")
    main.add_argument("--main-model", metavar="NAME", help="the main model, by name (default: the first)")
    serve.add_argument("--backend", choices=BACKENDS, default=BACKENDS[0], help="(default: gguf)")
    _add_server_options(serve)
    serve.set_defaults(model=_serve)


def _add_server_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", help="listen there (default: 127.0.0.1)")
    parser.add_argument("--port", type=port, metavar="N", help="listen on this port (default: 8080)")
    parser.add_argument("--context-length", type=int, metavar="TOKENS", help="of every model that is named")
    parser.add_argument("--foreground", action="store_true", help="stay here; Ctrl-C ends it")


def _run(args: argparse.Namespace, out: Output) -> int:
    library = Library(data_dir() / "model")
    server: dict[str, Any] = {}
    if args.config is None:
        models = named(args)
    elif args.model_name or args.hash or args.hf_repo:
        raise UsageError("--config names the models already", hint="leave the other names out")
    else:
        models, server = _configured(args.config, out)
    models = _sized(models, args.context_length)
    library.add(models, out)
    return _up(library.serve(models, _server(args, server), out), args, out)


def _serve(args: argparse.Namespace, out: Output) -> int:
    library = Library(data_dir() / "model")
    models = [Former(name, dict(table)) for name, table in library.models().items()]
    if not models:
        raise EaiError("no model has been downloaded", hint="`eai model download NAME` gets one")
    require_native(args.backend, "what has been downloaded")
    wanted = args.main_model if args.main_hash is None else preserved(args.main_hash).name
    if wanted is not None:
        first = [model for model in models if model.name == wanted]
        if not first:
            raise UsageError(
                f"{wanted} has not been downloaded", hint=f"there are {', '.join(m.name for m in models)}"
            )
        models = first + [model for model in models if model.name != wanted]
    models = _sized(models, args.context_length)
    return _up(library.serve(models, _server(args, {}), out), args, out)


def _configured(path: Path, out: Output) -> tuple[list[Former], dict[str, Any]]:
    config = config_yaml.read(read_text(path), name=path.name)
    models, left = of_config(config, name=path.name)
    for each in left:
        out.warn(each)
    return models, {"host": config.host, "port": config.port}


def _sized(models: list[Former], context: int | None) -> list[Former]:
    if context is None:
        return models
    return [Former(model.name, {**model.table, "context-length": context}) for model in models]


def _server(args: argparse.Namespace, configured: dict[str, Any]) -> dict[str, Any]:
    usual = Server()
    declared = {"host": usual.host, "port": usual.port, **configured}
    given = {"host": args.host, "port": _free(args.host or declared["host"]) if args.port == 0 else args.port}
    return {**declared, **{key: value for key, value in given.items() if value is not None}}


def _free(host: str) -> int:
    """A port that nobody listens on; the project is named for it, so it must be known before."""
    import socket  # noqa: PLC0415 - only for `--port 0`

    with socket.create_server((host, 0)) as listening:
        number: int = listening.getsockname()[1]
    return number


def _up(project: Project, args: argparse.Namespace, out: Output) -> int:
    """Serve it, as `eai up` does."""
    from zoo.cli import up  # noqa: PLC0415 - only once there is something to serve

    words = ["--project", str(project.folder), *([] if args.foreground else ["--detach"])]
    return run_as(up, words, out)

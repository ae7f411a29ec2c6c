"""`eai store serve`: gives the store's objects to others, so that a team downloads a model once."""

from __future__ import annotations

import argparse

from zoo.cli.output import Output
from zoo.cli.project import data_dir
from zoo.cli.text import count, port
from zoo.store import Store

HOST, PORT = "127.0.0.1", 8081


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments, its description and an example."""
    parser.description = (
        "Serve the store, read-only: objects by their digest, for `eai fetch --from`, and blocks by their "
        "CID, as a trustless IPFS gateway. Whoever gets something verifies it. Only this machine can reach "
        "it unless --host says otherwise; then everyone who reaches the port can read every model in it."
    )
    parser.epilog = (
        "examples:\n"
        "  eai store serve --host 0.0.0.0\n"
        "  eai fetch --from http://192.168.1.20:8081      (on another machine)"
    )
    parser.add_argument("--host", default=HOST, help=f"listen there (default: {HOST})")
    parser.add_argument(
        "--port", type=port, default=PORT, metavar="N", help=f"the port, 0 for a free one (default: {PORT})"
    )


def run(args: argparse.Namespace, store: Store, out: Output) -> int:
    """Do it, until Ctrl-C."""
    from zoo.serve.guard import is_loopback  # noqa: PLC0415 - other commands about the store need none
    from zoo.serve.listen import listen  # noqa: PLC0415 - as above
    from zoo.share.run import share  # noqa: PLC0415 - as above

    sock = listen(args.host, args.port, data_dir() / "run", command="eai store serve")
    if not is_loopback(args.host):
        out.warn("whoever reaches this machine can read every model in the store")
    name = f"[{args.host}]" if ":" in args.host else args.host
    out.print(f"http://{name}:{sock.getsockname()[1]}")
    out.say(f"serving {store.root}, read-only; Ctrl-C ends it")
    share(
        store,
        sock,
        host=args.host,
        indexed=lambda number: out.say(f"{count(number, 'object')} can be had by CID too"),
    )
    return 0

"""Starts processes that fetch, fast: a process that has everything imported, and forks at each line.

usage: python nursery.py STORE PIECE     reads lines `DIGEST SIZE URL`; answers each with the child's
number, and with how it ended: 0, an exit code, or the negative number of a signal
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import httpx2
from support.fetching import HASTY, PIECE

from zoo.digest import Digest
from zoo.errors import EaiError
from zoo.fetch.plan import plan
from zoo.fetch.run import fetch
from zoo.lock.model import Artifact
from zoo.sources.url import Url
from zoo.store import Store

STREAMS, SPAN = 3, 2 * PIECE


def main() -> None:
    root, piece = sys.argv[1:]
    store = Store(Path(root), piece=int(piece))
    client = httpx2.Client(trust_env=False, headers={"Accept-Encoding": "identity"})
    store.layout.prepare()
    for line in sys.stdin:
        digest, size, url = line.split()
        child = os.fork()
        if child == 0:
            os._exit(_fetch(Artifact(digest=Digest(digest), size=int(size), url=(url,)), store, client))
        say(child)
        _, status = os.waitpid(child, 0)
        say(os.waitstatus_to_exitcode(status))


def _fetch(artifact: Artifact, store: Store, client: httpx2.Client) -> int:
    try:
        fetch(
            plan([artifact], store),
            store,
            {"url": Url(lambda: client)},
            progress=lambda event: None,
            offline=False,
            jobs=STREAMS,
            manners=replace(HASTY, look=0.005, span=SPAN),
        )
    except EaiError as error:
        sys.stderr.write(f"{error.message}\n")
        return error.exit_code
    return 0


def say(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()

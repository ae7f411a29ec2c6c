"""Fetches onto a disk that becomes full on the way, and again once there is room.

usage: python full_disk.py FOLDER URL DIGEST SIZE [WRITES]     prints one line of JSON

With WRITES the disk only pretends to be full, after so many writes.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import httpx2
from support.fetching import PIECE, Fetcher, filling_up

from zoo.digest import Digest
from zoo.errors import NoSpace
from zoo.fetch.events import Event
from zoo.fetch.plan import plan
from zoo.fetch.run import fetch
from zoo.lock.model import Artifact
from zoo.sources.url import Url
from zoo.store import Store


def main() -> None:
    folder, url, digest, size, *writes = sys.argv[1:]
    root = Path(folder) / "store"
    store = filling_up(root, after=int(writes[0])) if writes else Store(root, piece=PIECE)
    ballast = Path(folder) / "ballast"
    client = httpx2.Client(trust_env=False)
    fetcher = Fetcher(store, {"url": Url(lambda: client)})
    wanted = Artifact(digest=Digest(digest), size=int(size), url=(url,))

    def fill(event: Event) -> None:
        if not writes and not ballast.exists() and store.held(wanted.digest, wanted.size):
            take_all(ballast)

    try:
        fetch(plan([wanted], store), store, fetcher.sources, progress=fill, offline=False, jobs=1)
        first = {"code": 0, "message": ""}
    except NoSpace as error:
        first = {"code": error.exit_code, "message": error.message}
    held = store.held(wanted.digest, wanted.size)
    ballast.unlink(missing_ok=True)
    fetcher.store = Store(root, piece=PIECE)
    fetcher(wanted)
    json.dump({**first, "held": held, "there": store.has(wanted.digest)}, sys.stdout)
    client.close()


def take_all(path: Path) -> None:
    """Write until nothing more fits."""
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1 << 16))
        except OSError:
            return


if __name__ == "__main__":
    main()

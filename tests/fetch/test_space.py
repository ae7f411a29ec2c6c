"""Disks that are full, or become so."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support import full_disk
from support.fetching import PIECE, Fetcher, artifact, digest_of, filling_up
from support.lying import Server, honest

from zoo.errors import NoSpace
from zoo.lock.model import Artifact
from zoo.store import Store

DATA = os.urandom(200 * PIECE)


def test_a_disk_that_becomes_full_ends_every_download_and_keeps_what_has_come(
    fetcher: Fetcher, server: Server, store: Store
) -> None:
    others = [os.urandom(50 * PIECE) for _ in range(5)]
    wanted = [artifact(DATA, server.on("/f", honest(DATA)))]
    wanted += [artifact(data, server.on(f"/{at}", honest(data))) for at, data in enumerate(others)]
    fetcher.store = filling_up(store.root, after=30)
    with pytest.raises(NoSpace, match="full") as caught:
        fetcher(*wanted)
    assert caught.value.exit_code == 6
    assert sum(store.held(item.digest, item.size) for item in wanted) == 30 * PIECE
    fetcher.store = store
    fetcher(*wanted)
    assert all(store.has(item.digest) for item in wanted)


def test_what_cannot_fit_is_not_begun(fetcher: Fetcher, server: Server, tmp_path: Path) -> None:
    huge = Artifact(
        digest=digest_of(b""), size=shutil.disk_usage(tmp_path).total, url=(server.on("/f", honest(DATA)),)
    )
    with pytest.raises(NoSpace, match="bytes are to come"):
        fetcher(huge)
    assert server.asked == []


def small_disk(folder: Path) -> list[str]:
    """Give a command that runs another with a small disk at this folder; empty if nobody may mount one."""
    mount = f'mount -t tmpfs -o size=2m tmpfs "{folder}" && exec "$@"'
    for namespace in (["unshare", "-m"], ["unshare", "-rm"]):
        command = [*namespace, "sh", "-c", mount, "sh"]
        if shutil.which("unshare") and subprocess.call([*command, "true"], stderr=subprocess.DEVNULL) == 0:
            return command
    return []


def test_a_disk_that_is_really_full_ends_cleanly_and_goes_on_with_room(
    server: Server, tmp_path: Path
) -> None:
    url = server.on("/f", honest(DATA, portion=PIECE, pause=0.001))
    mounted = small_disk(tmp_path)
    command = [
        *mounted,
        sys.executable,
        full_disk.__file__,
        str(tmp_path),
        url,
        digest_of(DATA),
        str(len(DATA)),
    ]
    path = [str(Path(full_disk.__file__).parents[1]), *filter(None, sys.path)]
    done = subprocess.run(
        command if mounted else [*command, "30"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    said = json.loads(done.stdout)
    assert said["code"] == 6
    assert "full" in said["message"]
    assert 0 < said["held"] < len(DATA)
    assert said["there"]

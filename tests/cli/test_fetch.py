"""`eai fetch`, as a person runs it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from support.fetching import artifact
from support.locked import model
from support.lying import Asked, Server, Wire, honest

import zoo
from zoo.lock import toml
from zoo.lock.model import Artifact, File, Lock
from zoo.store import Store
from zoo.zoofile.model import Server as ServerTable

DATA = os.urandom(300_000)

Eai = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "home" / "store")


def lock(work: Path, *artifacts: Artifact) -> None:
    weights = [File(path=f"m{at}.gguf", digest=item.digest) for at, item in enumerate(artifacts)]
    ordered = sorted(artifacts, key=lambda item: item.digest)
    locked = Lock(
        version=1,
        server=ServerTable(),
        model=(model("m", *weights, main=True),),
        artifact=tuple(ordered),
    )
    toml.write(work / "zoo.lock", locked)


def test_everything_comes_and_comes_once(eai: Eai, work: Path, server: Server, store: Store) -> None:
    wanted = artifact(DATA, server.on("/m.gguf", honest(DATA)))
    lock(work, wanted)
    done = eai("fetch")
    assert done.returncode == 0
    assert done.stdout == ""
    assert "fetched m.gguf (300.0 kB)" in done.stderr
    assert store.has(wanted.digest)
    again = eai("fetch", "--offline", "--json")
    said = json.loads(again.stdout)
    assert (said["present"], said["fetched"], said["bytes"]) == ([wanted.digest], [], 0)
    assert server.sent == len(DATA)


def test_a_corrupt_object_comes_again(eai: Eai, work: Path, server: Server, store: Store) -> None:
    wanted = artifact(DATA, server.on("/m.gguf", honest(DATA)))
    lock(work, wanted)
    eai("fetch")
    path = store.object(wanted.digest)
    path.chmod(0o644)
    path.write_bytes(DATA[::-1])
    assert eai("store", "verify").returncode == 4
    done = eai("fetch")
    assert done.returncode == 0
    assert f"warning: m.gguf: its bytes in the store had changed; they lie in {path}.corrupt" in done.stderr
    assert path.read_bytes() == DATA


def test_wrong_bytes_end_with_exit_code_4(eai: Eai, work: Path, server: Server) -> None:
    lock(work, artifact(DATA, server.on("/m.gguf", honest(DATA[::-1]))))
    done = eai("fetch")
    assert done.returncode == 4
    assert "warning: m.gguf: " in done.stderr
    assert "content differs from zoo.lock" in done.stderr
    assert "Traceback" not in done.stderr


def test_no_source_ends_with_exit_code_5(eai: Eai, work: Path, server: Server) -> None:
    lock(work, artifact(DATA, server.url("/gone.gguf")))
    done = eai("fetch")
    assert done.returncode == 5
    assert "404" in done.stderr
    assert "hint: name a place in zoofile.toml that has it" in done.stderr


def test_offline_everything_that_is_missing_is_listed(eai: Eai, work: Path, server: Server) -> None:
    lock(work, artifact(DATA, server.url("/one.gguf")), artifact(b"two", server.url("/two.gguf")))
    done = eai("fetch", "--offline")
    assert done.returncode == 5
    for words in ("2 missing", "one.gguf", "300,000 bytes", "two.gguf", "3 bytes"):
        assert words in done.stderr
    assert server.asked == []


def test_without_a_lock_there_is_nothing_to_fetch(eai: Eai, work: Path) -> None:
    (work / "zoofile.toml").touch()
    done = eai("fetch")
    assert done.returncode == 3
    assert "eai lock" in done.stderr


@pytest.mark.parametrize("words", [("--jobs", "0"), ("--jobs", "many"), ("--platform", "amiga")])
def test_an_impossible_option_is_a_usage_error(eai: Eai, words: tuple[str, str]) -> None:
    assert eai("fetch", *words).returncode == 2


def test_an_interruption_ends_at_once_and_keeps_what_has_come(
    eai: Eai, work: Path, server: Server, store: Store
) -> None:
    begun = threading.Event()

    def hangs(asked: Asked, wire: Wire) -> None:
        wire.head(200, Content_Length=len(DATA))
        wire.body(DATA[:1000])
        begun.set()
        wire.hang()

    lock(work, artifact(DATA, server.on("/m.gguf", hangs)))
    process = subprocess.Popen(
        [sys.executable, "-m", "zoo", "fetch"],
        cwd=work,
        env={
            **os.environ,
            "EAI_HOME": str(store.root.parent),
            "PYTHONPATH": str(Path(zoo.__file__).parents[1]),
        },
        stderr=subprocess.PIPE,
        text=True,
    )
    assert begun.wait(30)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 130
    assert said.endswith("interrupted\n")
    assert "Traceback" not in said

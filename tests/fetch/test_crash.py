"""Processes that are killed at any instant, and processes that want the same."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from support import nursery
from support.fetching import PIECE, artifact, digest_of
from support.lying import Server, honest, serving

from zoo.lock.model import Artifact
from zoo.store import Store

KILLS = 120
SIZE = 40 * PIECE + 123


@dataclass
class Nursery:
    """A process that starts fetching ones."""

    process: subprocess.Popen[str]

    def start(self, wanted: Artifact) -> int:
        """Start to fetch; the process's number."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{wanted.digest} {wanted.size} {wanted.url[0]}\n")
        self.process.stdin.flush()
        return self._number()

    def ended(self) -> int:
        """Wait for its end; the exit code, or the negative number of a signal."""
        return self._number()

    def _number(self) -> int:
        assert self.process.stdout is not None
        return int(self.process.stdout.readline())


@contextmanager
def nursing(store: Store) -> Iterator[Nursery]:
    path = [str(Path(nursery.__file__).parents[1]), *filter(None, sys.path)]
    process = subprocess.Popen(
        [sys.executable, nursery.__file__, str(store.root), str(PIECE)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
    )
    with process:
        yield Nursery(process)


@pytest.fixture
def paced() -> Iterator[Server]:
    """A server whose bytes don't pile up between the two sides, so that what was sent was wanted."""
    with serving(send_buffer=PIECE) as running:
        yield running


def objects_are_right(store: Store) -> bool:
    return all(
        hashlib.sha256(store.object(digest).read_bytes()).hexdigest() == digest.hex
        for digest in store.layout.digests()
    )


def test_a_process_killed_at_any_instant_leaves_nothing_wrong_and_little_to_repeat(
    store: Store, paced: Server
) -> None:
    chance = random.Random(20261122)
    kills = wanted_bytes = files = 0
    with nursing(store) as nurse:
        while kills < KILLS:
            data = chance.randbytes(SIZE)
            wanted = artifact(data, paced.on(f"/{files}", honest(data, portion=PIECE, pause=0.002)))
            files, wanted_bytes, code = files + 1, wanted_bytes + SIZE, -1
            while code != 0:
                victim = nurse.start(wanted)
                alarm = threading.Timer(chance.uniform(0, 0.12), _kill, (victim,))
                alarm.start()
                code = nurse.ended()
                alarm.cancel()
                alarm.join()
                assert code in {0, -signal.SIGKILL}
                kills += code != 0
                assert objects_are_right(store)
            assert store.object(wanted.digest).read_bytes() == data
    assert store.verify().corrupt == ()
    assert store.verify().objects == files
    store.tidy()
    assert list(store.layout.ingest.iterdir()) == []
    # A kill may cost each stream the range that it was asking for, and nothing more.
    assert paced.sent <= wanted_bytes + kills * nursery.STREAMS * nursery.SPAN


def _kill(victim: int) -> None:
    try:
        os.kill(victim, signal.SIGKILL)
    except ProcessLookupError:
        return  # it was faster


def test_two_processes_that_want_the_same_fetch_it_once(store: Store, paced: Server) -> None:
    data = os.urandom(SIZE)
    wanted = artifact(data, paced.on("/f", honest(data, portion=PIECE, pause=0.002)))
    with nursing(store) as one, nursing(store) as other:
        one.start(wanted)
        other.start(wanted)
        assert (one.ended(), other.ended()) == (0, 0)
    assert store.object(digest_of(data)).read_bytes() == data
    assert paced.sent == len(data)


def test_who_waits_goes_on_where_the_other_one_was_killed(store: Store, paced: Server) -> None:
    data = os.urandom(SIZE)
    wanted = artifact(data, paced.on("/f", honest(data, portion=PIECE, pause=0.05)))
    with nursing(store) as one, nursing(store) as other:
        first = one.start(wanted)
        while store.held(wanted.digest, SIZE) < 8 * PIECE:
            time.sleep(0.001)
        other.start(wanted)
        os.kill(first, signal.SIGKILL)
        assert (one.ended(), other.ended()) == (-signal.SIGKILL, 0)
    assert store.object(digest_of(data)).read_bytes() == data
    assert paced.sent <= len(data) + nursery.STREAMS * nursery.SPAN

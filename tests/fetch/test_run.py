"""Fetching, when all goes well and when it doesn't."""

from __future__ import annotations

import os
import signal
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from support.fetching import HASTY, PIECE, Fetcher, artifact, digest_of
from support.lying import (
    Asked,
    Server,
    Wire,
    cut_after,
    honest,
    serving,
    status,
)

from zoo.errors import IntegrityError, Offline, SizeMismatch, SourcesExhausted
from zoo.fetch.events import Advanced, Event, Failed, Finished, WrongBytes
from zoo.lock.model import Artifact

DATA = os.urandom(40 * PIECE + 123)
WHOLE = replace(HASTY, span=len(DATA))


def clean(fetcher: Fetcher) -> bool:
    """Whether nothing but objects is left in the store."""
    return not list(fetcher.store.layout.ingest.iterdir())


def test_a_file_is_fetched_and_verified(fetcher: Fetcher, server: Server) -> None:
    wanted = artifact(DATA, server.on("/f", honest(DATA)))
    fetcher(wanted)
    assert fetcher.store.has(wanted.digest)
    assert fetcher.store.object(wanted.digest).read_bytes() == DATA
    assert clean(fetcher)
    assert len(fetcher.of(Finished)) == 1
    assert sum(event.size for event in fetcher.events if isinstance(event, Advanced)) == len(DATA)


def test_a_large_file_comes_in_ranges_side_by_side(fetcher: Fetcher, server: Server) -> None:
    fetcher(artifact(DATA, server.on("/f", honest(DATA, portion=1000, pause=0.001))))
    spans = sorted(asked.range or (0, None) for asked in server.asked)
    assert len(spans) == 11
    assert spans[:2] == [(0, 4 * PIECE), (4 * PIECE, 8 * PIECE)]
    assert server.sent == len(DATA)


def test_many_files_come_side_by_side(fetcher: Fetcher, server: Server) -> None:
    files = [os.urandom(1000 + number) for number in range(20)]
    fetcher(
        *(artifact(data, server.on(f"/{number}", honest(data))) for number, data in enumerate(files)), jobs=3
    )
    assert set(fetcher.store.sizes()) == {digest_of(data) for data in files}


def test_an_empty_file_needs_no_question(fetcher: Fetcher, server: Server) -> None:
    fetcher(artifact(b"", server.url("/f")))
    assert fetcher.store.has(digest_of(b""))
    assert server.asked == []


def test_what_is_there_is_not_fetched(fetcher: Fetcher, server: Server) -> None:
    wanted = artifact(DATA, server.on("/f", honest(DATA)))
    fetcher(wanted)
    fetcher(wanted)
    assert server.sent == len(DATA)


def test_an_object_that_is_gone_is_fetched_again(fetcher: Fetcher, server: Server) -> None:
    wanted = artifact(DATA, server.on("/f", honest(DATA)))
    fetcher(wanted)
    fetcher.store.object(wanted.digest).unlink()
    fetcher(wanted)
    assert fetcher.store.has(wanted.digest)


def test_a_corrupt_object_is_fetched_again(fetcher: Fetcher, server: Server) -> None:
    wanted = artifact(DATA, server.on("/f", honest(DATA)))
    fetcher(wanted)
    path = fetcher.store.object(wanted.digest)
    path.chmod(0o644)
    with path.open("r+b") as file:
        file.write(b"!")
    assert [finding.name for finding in fetcher.store.verify().corrupt] == [wanted.digest]
    fetcher(wanted)
    assert path.read_bytes() == DATA


def test_a_source_with_wrong_bytes_is_named_and_the_next_one_used(fetcher: Fetcher, server: Server) -> None:
    bad = server.on("/bad", honest(DATA[::-1]))
    wanted = artifact(DATA, bad, server.on("/good", honest(DATA)))
    fetcher(wanted)
    assert fetcher.store.object(wanted.digest).read_bytes() == DATA
    (event,) = fetcher.of(WrongBytes)
    assert isinstance(event, WrongBytes)
    assert event.source == bad
    assert digest_of(DATA[::-1]) in event.reason


def test_with_none_left_wrong_bytes_are_an_integrity_error(fetcher: Fetcher, server: Server) -> None:
    bad, gone = server.on("/bad", honest(DATA[::-1])), server.url("/gone")
    wanted = artifact(DATA, bad, gone)
    with pytest.raises(IntegrityError) as caught:
        fetcher(wanted)
    assert type(caught.value) is IntegrityError
    assert caught.value.exit_code == 4
    for words in ("content differs", wanted.digest, digest_of(DATA[::-1]), bad, gone, "404"):
        assert words in caught.value.message
    assert not fetcher.store.object(wanted.digest).exists()
    assert fetcher.store.held(wanted.digest, wanted.size) == 0


def test_a_wrong_size_is_an_error_of_its_own(fetcher: Fetcher, server: Server) -> None:
    with pytest.raises(SizeMismatch, match="size differs") as caught:
        fetcher(artifact(DATA, server.on("/f", honest(DATA + b"more"))))
    assert caught.value.exit_code == 4


def test_when_every_source_fails_each_attempt_is_listed(fetcher: Fetcher, server: Server) -> None:
    with serving() as closed:
        dead = closed.url("/f")
    sources = [
        dead,
        server.on("/busy", status(503)),
        server.on("/cut", cut_after(DATA, 0)),
        server.url("/no"),
    ]
    with pytest.raises(SourcesExhausted) as caught:
        fetcher(artifact(DATA, *sources))
    assert caught.value.exit_code == 5
    for source, words in zip(sources, ("no connection", "503", "ended", "404"), strict=True):
        (line,) = [line for line in caught.value.message.splitlines() if source in line]
        assert words in line
    assert len(fetcher.of(Failed)) == 4


def test_the_nearest_source_is_tried_first(fetcher: Fetcher, server: Server, tmp_path: Path) -> None:
    (tmp_path / "mine.gguf").write_bytes(DATA)
    fetcher(artifact(DATA, server.on("/f", honest(DATA)), path=("path:mine.gguf",)))
    assert server.asked == []


def test_a_kind_of_source_that_is_not_known_is_passed_over(fetcher: Fetcher, server: Server) -> None:
    url = server.on("/f", honest(DATA))
    fetcher(Artifact(digest=digest_of(DATA), size=len(DATA), ipfs=("ipfs://bafy",), url=(url,)))
    assert fetcher.store.has(digest_of(DATA))


def test_one_missing_file_does_not_keep_others_from_coming(fetcher: Fetcher, server: Server) -> None:
    with pytest.raises(SourcesExhausted):
        fetcher(artifact(b"gone", server.url("/no")), artifact(DATA, server.on("/f", honest(DATA))), jobs=1)
    assert fetcher.store.has(digest_of(DATA))


def test_of_several_failures_the_gravest_decides(fetcher: Fetcher, server: Server) -> None:
    with pytest.raises(IntegrityError) as caught:
        fetcher(artifact(b"gone", server.url("/no")), artifact(DATA, server.on("/f", honest(DATA[::-1]))))
    assert "/no" in caught.value.message
    assert "/f" in caught.value.message


def test_offline_all_that_is_missing_is_listed(fetcher: Fetcher, server: Server) -> None:
    first, second = artifact(DATA, server.url("/one.gguf")), artifact(b"x", server.url("/two.gguf"))
    with pytest.raises(Offline) as caught:
        fetcher(first, second, offline=True)
    for words in ("2 missing", "one.gguf", f"{len(DATA):,} bytes", "two.gguf", first.digest, second.digest):
        assert words in caught.value.message
    assert server.asked == []


def test_offline_what_lies_on_this_machine_is_taken(fetcher: Fetcher, server: Server, tmp_path: Path) -> None:
    (tmp_path / "mine.gguf").write_bytes(DATA)
    fetcher(artifact(DATA, server.url("/f"), path=("path:mine.gguf",)), offline=True)
    assert fetcher.store.has(digest_of(DATA))
    assert server.asked == []


def test_an_interruption_leaves_what_has_come(fetcher: Fetcher, server: Server) -> None:
    def hangs(asked: Asked, wire: Wire) -> None:
        start, stop = asked.range or (0, len(DATA))
        wire.head(
            206,
            Content_Length=(stop or 0) - start,
            Content_Range=f"bytes {start}-{(stop or 0) - 1}/{len(DATA)}",
        )
        wire.body(DATA[start : start + 2 * PIECE])
        wire.hang()

    wanted = artifact(DATA, server.on("/f", hangs))
    came = 0

    def interrupt(event: Event) -> None:
        nonlocal came
        if isinstance(event, Advanced):
            came += event.size
            if came == 2 * PIECE:
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        fetcher(wanted, jobs=1, progress=interrupt)
    assert fetcher.store.held(wanted.digest, wanted.size) == 2 * PIECE
    server.on("/f", honest(DATA))
    fetcher(wanted, jobs=1)
    assert server.asked[-1].range is not None
    assert fetcher.store.has(wanted.digest)


def test_a_bug_is_not_swallowed(fetcher: Fetcher, server: Server) -> None:
    def buggy(event: Event) -> None:
        raise ZeroDivisionError

    wanted = artifact(DATA, server.on("/f", honest(DATA)))
    with pytest.raises(ZeroDivisionError):
        fetcher(wanted, jobs=1, progress=buggy)

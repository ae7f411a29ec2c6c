"""Artifacts whose digest nobody states."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support.fetching import HASTY, PIECE, Fetcher, digest_of
from support.lying import Answer, Asked, Server, Wire, cut_after, honest, in_turn, rangeless, status

from zoo.digest import Digest
from zoo.errors import Interrupted, NotThere, SizeMismatch, SourceChanged
from zoo.fetch.events import Finished, Retrying, Started
from zoo.fetch.unknown import fetch_unknown
from zoo.lock.model import SourceKind

DATA = os.urandom(20 * PIECE + 77)


def learn(
    fetcher: Fetcher, uri: str, *, kind: SourceKind = "url", size: int | None = None
) -> tuple[Digest, int]:
    return fetch_unknown(
        kind,
        uri,
        fetcher.store,
        fetcher.sources,
        name="f",
        size=size,
        progress=fetcher.events.append,
        manners=HASTY,
    )


def clean(fetcher: Fetcher) -> bool:
    return not list(fetcher.store.layout.ingest.iterdir()) and not fetcher.store.sizes()


def test_the_digest_and_the_size_are_learnt_and_the_object_is_there(fetcher: Fetcher, server: Server) -> None:
    assert learn(fetcher, server.on("/f", honest(DATA))) == (digest_of(DATA), len(DATA))
    assert fetcher.store.object(digest_of(DATA)).read_bytes() == DATA
    assert len(fetcher.of(Finished)) == 1


def test_a_server_need_not_say_how_long_it_is(fetcher: Fetcher, server: Server) -> None:
    def chunked(asked: Asked, wire: Wire) -> None:
        wire.head(200, Transfer_Encoding="chunked")
        wire.sock.sendall(b"%x\r\n%s\r\n0\r\n\r\n" % (len(DATA), DATA))

    assert learn(fetcher, server.on("/f", chunked)) == (digest_of(DATA), len(DATA))


def test_a_file_on_this_machine_is_learnt_the_same_way(fetcher: Fetcher, tmp_path: Path) -> None:
    (tmp_path / "mine.gguf").write_bytes(DATA)
    assert learn(fetcher, "path:mine.gguf", kind="path") == (digest_of(DATA), len(DATA))


def test_the_size_is_told_as_soon_as_the_server_says_it(fetcher: Fetcher, server: Server) -> None:
    learn(fetcher, server.on("/f", honest(DATA)))
    assert [event.size for event in fetcher.events if isinstance(event, Started)] == [len(DATA)]


def test_an_empty_file_has_a_digest_too(fetcher: Fetcher, server: Server) -> None:
    assert learn(fetcher, server.on("/f", honest(b""))) == (digest_of(b""), 0)


def test_a_download_that_is_cut_goes_on_where_versions_can_be_told_apart(
    fetcher: Fetcher, server: Server
) -> None:
    url = server.on("/f", in_turn(honest_cut(5 * PIECE), honest(DATA)))
    assert learn(fetcher, url)[0] == digest_of(DATA)
    assert [event.held for event in fetcher.events if isinstance(event, Started)] == [0, 5 * PIECE]


def honest_cut(count: int, etag: str = '"1"') -> Answer:
    def answer(asked: Asked, wire: Wire) -> None:
        wire.head(200, Content_Length=len(DATA), ETag=etag)
        wire.body(DATA[:count])
        wire.cut()

    return answer


def test_a_download_that_is_cut_begins_anew_where_they_cannot(fetcher: Fetcher, server: Server) -> None:
    def cut(asked: Asked, wire: Wire) -> None:
        wire.head(200, Content_Length=len(DATA))
        wire.body(DATA[: 5 * PIECE])
        wire.cut()

    assert learn(fetcher, server.on("/f", in_turn(cut, rangeless(DATA))))[0] == digest_of(DATA)
    assert [event.held for event in fetcher.events if isinstance(event, Started)] == [0, 0]
    assert len(fetcher.of(Retrying)) == 1


def test_a_file_that_changes_between_two_parts_is_refused(fetcher: Fetcher, server: Server) -> None:
    url = server.on("/f", in_turn(honest_cut(5 * PIECE), honest(DATA[::-1], etag='"2"')))
    with pytest.raises(SourceChanged):
        learn(fetcher, url)
    assert clean(fetcher)


def test_what_one_run_got_the_next_one_uses(fetcher: Fetcher, server: Server) -> None:
    url = server.on("/f", in_turn(honest_cut(5 * PIECE), status(404)))
    with pytest.raises(NotThere):
        learn(fetcher, url)
    server.on("/f", honest(DATA))
    assert learn(fetcher, url)[0] == digest_of(DATA)
    assert server.asked[-1].range == (5 * PIECE, None)
    assert list(fetcher.store.layout.ingest.iterdir()) == []


def test_what_one_run_got_of_another_version_is_not_used(fetcher: Fetcher, server: Server) -> None:
    url = server.on("/f", in_turn(honest_cut(5 * PIECE), status(404)))
    with pytest.raises(NotThere):
        learn(fetcher, url)
    server.on("/f", honest(DATA[::-1], etag='"2"'))
    assert learn(fetcher, url)[0] == digest_of(DATA[::-1])


def test_versions_that_only_mean_the_same_are_not_joined(fetcher: Fetcher, server: Server) -> None:
    url = server.on("/f", in_turn(honest_cut(5 * PIECE, etag='W/"1"'), honest(DATA, etag='W/"1"')))
    assert learn(fetcher, url)[0] == digest_of(DATA)
    assert [event.held for event in fetcher.events if isinstance(event, Started)] == [0, 0]


def test_a_stated_size_must_be_right(fetcher: Fetcher, server: Server) -> None:
    with pytest.raises(SizeMismatch):
        learn(fetcher, server.on("/f", honest(DATA)), size=len(DATA) - 1)
    assert clean(fetcher)


def test_what_is_not_there_is_said_at_once(fetcher: Fetcher, server: Server) -> None:
    with pytest.raises(NotThere):
        learn(fetcher, server.url("/gone"))
    assert clean(fetcher)


def test_a_server_that_always_breaks_off_is_given_up(fetcher: Fetcher, server: Server) -> None:
    with pytest.raises(Interrupted):
        learn(fetcher, server.on("/f", in_turn(cut_after(DATA, 0), status(503))))
    assert clean(fetcher)


def test_a_server_that_always_breaks_off_and_cannot_resume_is_given_up(
    fetcher: Fetcher, server: Server
) -> None:
    def breaks_off(asked: Asked, wire: Wire) -> None:
        wire.head(200, Content_Length=len(DATA))  # no ETag: nobody can tell one version from another
        wire.body(DATA[: 5 * PIECE])
        wire.cut()

    with pytest.raises(Interrupted):
        learn(fetcher, server.on("/f", breaks_off))
    assert len(server.asked) == HASTY.tries

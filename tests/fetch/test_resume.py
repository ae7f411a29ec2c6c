"""Going on where a download broke off, and beginning again where that would be wrong."""

from __future__ import annotations

import os
from dataclasses import replace

import httpx2
import pytest
from support.fetching import HASTY, PIECE, Fetcher, artifact, digest_of
from support.lying import (
    Asked,
    Server,
    Wire,
    cut_after,
    honest,
    in_turn,
    rangeless,
    status,
)

from zoo.errors import IntegrityError, SourcesExhausted
from zoo.fetch.events import Failed, Retrying, Started, WrongBytes
from zoo.fetch.plan import plan
from zoo.sources.http import Patience
from zoo.sources.url import Url

DATA = os.urandom(40 * PIECE + 123)
WHOLE = replace(HASTY, span=len(DATA))


def test_a_download_that_is_cut_goes_on_where_it_was(fetcher: Fetcher, server: Server) -> None:
    server.on("/f", in_turn(*[cut_after(DATA, 6 * PIECE)] * 3, honest(DATA)))
    fetcher(artifact(DATA, server.url("/f")), jobs=1, manners=WHOLE)
    assert server.sent <= len(DATA) + 3 * PIECE
    assert len(fetcher.of(Retrying)) == 3
    assert [event.held for event in fetcher.events if isinstance(event, Started)][1:] != [0, 0, 0]


def test_what_one_run_got_the_next_one_uses(fetcher: Fetcher, server: Server) -> None:
    server.on("/f", in_turn(cut_after(DATA, 20 * PIECE), status(404)))
    wanted = artifact(DATA, server.url("/f"))
    with pytest.raises(SourcesExhausted):
        fetcher(wanted, jobs=1, manners=WHOLE)
    held = fetcher.store.held(wanted.digest, wanted.size)
    assert held == 20 * PIECE
    assert plan([wanted], fetcher.store).bytes == len(DATA) - held
    server.asked.clear()
    server.on("/f", honest(DATA))
    fetcher(wanted, jobs=1)
    assert server.asked[0].range == (held, held + 4 * PIECE)
    assert fetcher.store.has(wanted.digest)


def test_the_next_source_goes_on_where_the_last_one_failed(fetcher: Fetcher, server: Server) -> None:
    first = server.on("/1", in_turn(cut_after(DATA, 20 * PIECE), status(404)))
    fetcher(artifact(DATA, first, server.on("/2", honest(DATA))), jobs=1, manners=WHOLE)
    assert server.sent == len(DATA)


def test_a_wrong_beginning_of_an_earlier_run_is_not_blamed_on_the_source(
    fetcher: Fetcher, server: Server
) -> None:
    wanted = artifact(DATA, server.url("/f"))
    server.on("/f", in_turn(cut_after(DATA[::-1], 20 * PIECE), status(404)))
    with pytest.raises(SourcesExhausted):
        fetcher(wanted, jobs=1, manners=WHOLE)
    server.on("/f", honest(DATA))
    fetcher(wanted)
    assert fetcher.store.object(wanted.digest).read_bytes() == DATA
    assert fetcher.of(WrongBytes) == []


def test_a_wrong_beginning_does_not_save_a_wrong_source(fetcher: Fetcher, server: Server) -> None:
    wanted = artifact(DATA, server.url("/f"))
    server.on("/f", in_turn(cut_after(DATA, 20 * PIECE), status(404)))
    with pytest.raises(SourcesExhausted):
        fetcher(wanted, jobs=1, manners=WHOLE)
    server.on("/f", honest(DATA[::-1]))
    with pytest.raises(IntegrityError):
        fetcher(wanted)
    assert len(fetcher.of(WrongBytes)) == 1


def test_a_file_that_changes_while_it_is_read_is_begun_again_once(fetcher: Fetcher, server: Server) -> None:
    server.on("/f", in_turn(honest(DATA[::-1]), honest(DATA, etag='"2"')))
    fetcher(artifact(DATA, server.url("/f")), jobs=1)
    assert fetcher.store.has(digest_of(DATA))
    assert fetcher.of(WrongBytes) == []


def test_a_file_that_changes_all_the_time_is_given_up(fetcher: Fetcher, server: Server) -> None:
    number = iter(range(1000))

    def changing(asked: Asked, wire: Wire) -> None:
        honest(DATA, etag=f'"{next(number)}"')(asked, wire)

    with pytest.raises(SourcesExhausted, match="changed"):
        fetcher(artifact(DATA, server.on("/f", changing)), jobs=1)


def test_a_server_without_ranges_is_read_once_on_one_stream(fetcher: Fetcher, server: Server) -> None:
    fetcher(artifact(DATA, server.on("/f", rangeless(DATA))))
    assert server.sent == len(DATA)
    assert fetcher.store.has(digest_of(DATA))


def test_a_server_without_ranges_can_end_a_download_that_was_begun_elsewhere(
    fetcher: Fetcher, server: Server
) -> None:
    first = server.on("/1", in_turn(cut_after(DATA, 20 * PIECE), status(404)))
    fetcher(artifact(DATA, first, server.on("/2", rangeless(DATA))), jobs=1, manners=WHOLE)
    assert fetcher.store.object(digest_of(DATA)).read_bytes() == DATA


def test_a_server_that_refuses_ranges_is_asked_for_the_whole_file(fetcher: Fetcher, server: Server) -> None:
    def picky(asked: Asked, wire: Wire) -> None:
        (rangeless(DATA) if asked.range is None else status(416))(asked, wire)

    fetcher(artifact(DATA, server.on("/f", picky)))
    assert fetcher.store.has(digest_of(DATA))


def test_a_busy_server_is_asked_again_when_it_says(fetcher: Fetcher, server: Server) -> None:
    fetcher(artifact(DATA, server.on("/f", in_turn(status(429, Retry_After="0"), honest(DATA)))))
    assert [event.delay for event in fetcher.events if isinstance(event, Retrying)] == [0]
    assert fetcher.store.has(digest_of(DATA))


def test_a_server_that_asks_for_too_much_patience_is_left(fetcher: Fetcher, server: Server) -> None:
    busy = server.on("/busy", status(503, Retry_After="3600"))
    fetcher(artifact(DATA, busy, server.on("/f", honest(DATA))))
    assert fetcher.of(Retrying) == []
    assert len(fetcher.of(Failed)) == 1


def test_a_source_that_stalls_is_left_for_the_next(
    fetcher: Fetcher, server: Server, client: httpx2.Client
) -> None:
    fetcher.sources["url"] = Url(lambda: client, Patience(first=0.3))
    stalls = server.on("/stalls", lambda asked, wire: wire.hang())
    fetcher(artifact(DATA, stalls, server.on("/f", honest(DATA))))
    assert fetcher.store.has(digest_of(DATA))

"""Peers are asked first, believed no more than others, and left alone once they fail."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest
from support.fetching import HASTY, Fetcher, artifact
from support.lying import Server, cut_after, honest, in_turn, status

from zoo.errors import IntegrityError, Offline
from zoo.fetch.events import Failed, WrongBytes

DATA = [os.urandom(20_000) for _ in range(4)]


def path_of(data: bytes) -> str:
    return f"/eai/sha256/{artifact(data, 'http://x').digest.hex}"


def test_a_peer_is_asked_before_the_source(server: Server, fetcher: Fetcher) -> None:
    server.on(path_of(DATA[0]), honest(DATA[0]))
    fetcher.peers = (
        server.url(""),
        server.url("/"),
    )
    fetcher(artifact(DATA[0], server.url("/far")))
    assert {asked.path for asked in server.asked} == {path_of(DATA[0])}
    assert fetcher.of(Failed) == []


def test_what_a_peer_has_not_comes_from_the_source_without_a_word(server: Server, fetcher: Fetcher) -> None:
    server.on(path_of(DATA[1]), honest(DATA[1]))
    fetcher.peers = (server.url(""),)
    fetcher(*(artifact(data, server.on(f"/far{at}", honest(data))) for at, data in enumerate(DATA)), jobs=1)
    paths = [asked.path for asked in server.asked]
    assert path_of(DATA[1]) in paths
    assert "/far1" not in paths
    assert fetcher.of(Failed) == []


def test_a_dead_peer_is_named_once_and_left_alone(server: Server, fetcher: Fetcher) -> None:
    for data in DATA:
        server.on(path_of(data), status(503))
    fetcher.peers = (server.url(""),)
    fetcher(*(artifact(data, server.on(f"/far{at}", honest(data))) for at, data in enumerate(DATA)), jobs=1)
    assert sum(asked.path.startswith("/eai/") for asked in server.asked) == 1
    assert len(fetcher.of(Failed)) == 1


def test_a_peer_that_says_when_to_come_again_is_asked_again(server: Server, fetcher: Fetcher) -> None:
    server.on(path_of(DATA[0]), in_turn(status(503, Retry_After=0), honest(DATA[0])))
    fetcher.peers = (server.url(""),)
    fetcher(artifact(DATA[0], server.url("/far")))
    assert {asked.path for asked in server.asked} == {path_of(DATA[0])}


def test_a_peer_that_is_started_again_goes_on(server: Server, fetcher: Fetcher) -> None:
    data = os.urandom(60_000)
    server.on(path_of(data), in_turn(cut_after(data, 9000), status(500), status(500), honest(data)))
    fetcher.peers = (server.url(""),)
    fetcher(artifact(data, server.url("/far")), jobs=1, manners=replace(HASTY, tries=5))
    assert {asked.path for asked in server.asked} == {path_of(data)}


def test_a_peer_that_does_not_come_back_in_time_is_left(server: Server, fetcher: Fetcher) -> None:
    data = os.urandom(60_000)
    server.on(path_of(data), in_turn(cut_after(data, 9000), status(500)))
    fetcher.peers = (server.url(""),)
    wanted = artifact(data, server.on("/far", honest(data)))
    fetcher(wanted, jobs=1, manners=replace(HASTY, tries=5, restart=0))
    assert fetcher.store.has(wanted.digest)
    assert sum(asked.path == path_of(data) for asked in server.asked) <= 2


def test_a_lying_peer_is_named_and_left_alone(server: Server, fetcher: Fetcher) -> None:
    for data in DATA:
        server.on(path_of(data), honest(data[::-1]))
    fetcher.peers = (server.url(""),)
    wanted = [artifact(data, server.on(f"/far{at}", honest(data))) for at, data in enumerate(DATA)]
    fetcher(*wanted, jobs=1)
    assert all(fetcher.store.has(each.digest) for each in wanted)
    assert len(fetcher.of(WrongBytes)) == 1


def test_what_a_peer_began_the_source_ends(server: Server, fetcher: Fetcher) -> None:
    data = os.urandom(60_000)
    server.on(path_of(data), in_turn(cut_after(data, 9000), status(503)))
    fetcher.peers = (server.url(""),)
    wanted = artifact(data, server.on("/far", honest(data)))
    fetcher(wanted, jobs=1)
    assert fetcher.store.has(wanted.digest)
    assert min(asked.range[0] for asked in server.asked if asked.path == "/far" and asked.range) > 0


def test_a_peer_and_a_source_that_both_lie_are_both_listed(server: Server, fetcher: Fetcher) -> None:
    server.on(path_of(DATA[0]), honest(DATA[0][::-1]))
    fetcher.peers = (server.url(""),)
    with pytest.raises(IntegrityError) as caught:
        fetcher(artifact(DATA[0], server.on("/far", honest(DATA[0][::-1]))))
    assert caught.value.message.count("tried") == 2


def test_offline_no_peer_is_asked(server: Server, fetcher: Fetcher) -> None:
    server.on(path_of(DATA[0]), honest(DATA[0]))
    fetcher.peers = (server.url(""),)
    with pytest.raises(Offline):
        fetcher(artifact(DATA[0], server.url("/far")), offline=True)
    assert server.asked == []

"""The gateways of one download: a late block is asked for elsewhere, and no gateway can hold it up."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from support.gateway import Blocks, everywhere, gateway
from support.lying import Answer, Asked, Server, Wire, in_turn, status

from zoo.errors import EaiError, Interrupted, SourceError
from zoo.ipfs import cid as cids
from zoo.ipfs.cid import RAW
from zoo.sources.gateways import Gateway
from zoo.sources.pool import Pool
from zoo.sources.web import Wait, Web

LONG = Wait(connect=5, more=60)
LATE = 0.05
SOON = 10
BLOCK = b"GGUF" * 100
CID = cids.of(BLOCK, RAW)

Told = list[tuple[str, EaiError]]
Pooled = Callable[..., Pool]


def silent(asked: Asked, wire: Wire) -> None:
    wire.hang()


def headless(asked: Asked, wire: Wire) -> None:
    wire.sock.sendall(b"HTTP/1.1 200 OK\r\n")
    wire.body(b"X-A: b\r\n" * 100_000, portion=1, pause=0.01)


def forever_going_on(asked: Asked, wire: Wire) -> None:
    wire.body(b"HTTP/1.1 100 Continue\r\n\r\n" * 100_000, portion=25, pause=0.01)


def dripping(asked: Asked, wire: Wire) -> None:
    wire.head(200, Content_Length=len(BLOCK), Content_Type="application/vnd.ipld.raw")
    wire.body(BLOCK, portion=1, pause=0.5)


def stalled(asked: Asked, wire: Wire) -> None:
    wire.head(200, Content_Length=len(BLOCK), Content_Type="application/vnd.ipld.raw")
    wire.body(BLOCK[:100])
    wire.hang()


def lengthless(asked: Asked, wire: Wire) -> None:
    wire.head(200, Content_Type="application/vnd.ipld.raw", Connection="close")
    wire.body(BLOCK[:100])
    wire.hang()


HOLDING = [silent, headless, forever_going_on, dripping, stalled, lengthless]


@pytest.fixture
def held(blocks: Blocks) -> Blocks:
    blocks.add(CID, BLOCK)
    return blocks


@pytest.fixture
def told() -> Told:
    return []


@pytest.fixture
def pooled(web: Web, told: Told) -> Iterator[Pooled]:
    made: list[Pool] = []

    def pool(*urls: str, **more: float) -> Pool:
        gateways = [Gateway(url, lambda: web, LONG) for url in urls]
        made.append(Pool(gateways, aside=lambda *what: told.append(what), late=LATE, **more))
        return made[-1]

    yield pool
    for each in made:
        each.close()


@pytest.mark.parametrize("answer", HOLDING)
def test_a_late_block_comes_from_another_gateway(
    servers: Callable[[], Server], held: Blocks, pooled: Pooled, told: Told, answer: Answer
) -> None:
    slow = everywhere(servers(), held, answer)
    began = time.monotonic()
    assert pooled(slow, gateway(servers(), held)).get(CID, len(BLOCK)) == BLOCK
    assert time.monotonic() - began < SOON
    [(place, error)] = told
    assert place == slow
    assert "did not give a block in 0 seconds, and another gateway did" in error.message


def test_many_that_hold_it_up_cost_little_and_are_all_named(
    servers: Callable[[], Server], held: Blocks, pooled: Pooled, told: Told
) -> None:
    slow = [everywhere(servers(), held, answer) for answer in HOLDING]
    began = time.monotonic()
    assert pooled(*slow, gateway(servers(), held)).get(CID, len(BLOCK)) == BLOCK
    assert time.monotonic() - began < SOON
    deadline = began + SOON
    while len(told) < len(slow) and time.monotonic() < deadline:
        time.sleep(0.01)  # they hear on their own threads that they are too late
    assert {place for place, _ in told} == set(slow)


def test_where_all_hold_it_up_each_is_given_up_in_the_end(
    servers: Callable[[], Server], held: Blocks, pooled: Pooled, told: Told
) -> None:
    slow = [everywhere(servers(), held, answer) for answer in HOLDING]
    with pytest.raises(Interrupted) as caught:
        pooled(*slow, longest=0.5).get(CID, len(BLOCK))
    assert {place for place, _ in told} == set(slow)
    assert all(f"{url}: it did not give a block in" in caught.value.message for url in slow)


def test_one_that_has_given_blocks_may_be_late_once(
    servers: Callable[[], Server], blocks: Blocks, pooled: Pooled, told: Told
) -> None:
    wanted = [blocks.add(cids.of(bytes([at]), RAW), bytes([at])) for at in range(3)]
    first, second = servers(), servers()
    urls = gateway(first, blocks), gateway(second, blocks)
    pool = pooled(*urls)
    assert pool.get(wanted[0], 1) == b"\0"
    for cid in wanted[1:]:
        first.on(f"/ipfs/{cid}?format=raw", silent)
    assert pool.get(wanted[1], 1) == b"\1"
    assert not told
    second.on(f"/ipfs/{wanted[2]}?format=raw", status(404))
    with ThreadPoolExecutor(1) as other:
        waiting = other.submit(pool.get, wanted[2], 1)
        while not told:
            time.sleep(0.01)  # it has said that it has no such block
        pool.close()
        with pytest.raises(Interrupted, match="given up"):
            waiting.result()


def test_on_a_slow_line_few_blocks_are_asked_for_twice_and_nobody_is_put_aside_for_it(
    servers: Callable[[], Server], blocks: Blocks, pooled: Pooled, told: Told
) -> None:
    def slow(asked: Asked, wire: Wire) -> None:
        wire.server.closing.wait(4 * LATE)
        wire.head(200, Content_Length=1, Content_Type="application/vnd.ipld.raw")
        wire.body(bytes([wanted.index(asked.path.split("/")[-1].partition("?")[0])]))

    cids_of = [blocks.add(cids.of(bytes([at]), RAW), bytes([at])) for at in range(8)]
    wanted = [str(cid) for cid in cids_of]
    both = servers(), servers()
    pool = pooled(*(everywhere(server, blocks, slow) for server in both))
    assert [pool.get(cid, 1) for cid in cids_of] == [bytes([at]) for at in range(8)]
    assert not told
    assert sum(len(server.asked) for server in both) == 9


def test_a_late_block_that_nobody_else_has_is_waited_for(
    servers: Callable[[], Server], held: Blocks, pooled: Pooled, told: Told
) -> None:
    def late(asked: Asked, wire: Wire) -> None:
        wire.server.closing.wait(0.5)
        wire.head(200, Content_Length=len(BLOCK), Content_Type="application/vnd.ipld.raw")
        wire.body(BLOCK)

    urls = everywhere(servers(), held, late), everywhere(servers(), held, status(404))
    assert pooled(*urls).get(CID, len(BLOCK)) == BLOCK
    assert [place for place, _ in told] == [urls[1]]


def test_no_more_than_a_few_blocks_are_asked_for_twice(
    servers: Callable[[], Server], blocks: Blocks, pooled: Pooled
) -> None:
    wanted = [blocks.add(cids.of(bytes([at]), RAW), bytes([at])) for at in range(12)]
    first, second = servers(), servers()
    pool = pooled(everywhere(first, blocks, silent), everywhere(second, blocks, silent))
    with ThreadPoolExecutor(len(wanted)) as threads:
        waiting = [threads.submit(pool.get, cid, 1) for cid in wanted]
        deadline = time.monotonic() + SOON
        while len(first.asked) + len(second.asked) < 16 and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(10 * LATE)  # time for more, which must not come
        assert len(first.asked) + len(second.asked) == 16
        pool.close()
        assert all(isinstance(each.exception(), Interrupted) for each in waiting)


def test_further_gateways_are_looked_for_once_whoever_waits(
    servers: Callable[[], Server], held: Blocks, web: Web
) -> None:
    poor, rich = everywhere(servers(), held, status(404)), gateway(servers(), held)
    looked = itertools.count()

    def more() -> list[Gateway]:
        next(looked)
        return [Gateway(url, lambda: web, LONG) for url in (poor, rich)]

    with closing(Pool([Gateway(poor, lambda: web, LONG)], more=more)) as pool, ThreadPoolExecutor(8) as many:
        assert {each.result() for each in [many.submit(pool.get, CID, 400) for _ in range(8)]} == {BLOCK}
    assert next(looked) == 1


def test_a_gateway_that_a_stranger_names_is_not_on_this_machine(
    servers: Callable[[], Server], held: Blocks, web: Web
) -> None:
    here = servers()
    named = Gateway(gateway(here, held), lambda: web, LONG, stranger=True)
    with (
        closing(Pool([named])) as pool,
        pytest.raises(SourceError, match=r"127\.0\.0\.1, inside this machine"),
    ):
        pool.get(CID, len(BLOCK))
    assert not here.asked


def test_an_answer_that_breaks_off_is_no_lateness(
    servers: Callable[[], Server], held: Blocks, pooled: Pooled, told: Told
) -> None:
    def cut(asked: Asked, wire: Wire) -> None:
        wire.cut()

    url = everywhere(servers(), held, in_turn(cut))
    with pytest.raises(Interrupted, match="the connection ended"):
        pooled(url).get(CID, len(BLOCK))
    assert [place for place, _ in told] == [url]

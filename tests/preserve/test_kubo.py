"""The target `kubo`, where a node does what a real one can hardly be made to do."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support.answering import Reply, Request, Service, ndjson, reply

from zoo.errors import AccessDenied, EaiError, IntegrityError, Interrupted, TargetError
from zoo.ipfs import car as cars
from zoo.ipfs import cid as cids
from zoo.ipfs.builder import Block
from zoo.preserve.api import Api
from zoo.preserve.content import Content
from zoo.preserve.events import Event, Held, Kept, Retrying, Sending
from zoo.preserve.kubo import Kubo
from zoo.preserve.retry import Patience
from zoo.preserve.sample import Sample

API = "/api/v0/"
NOT_PINNED = reply({"Message": "path 'x' is not pinned", "Code": 0, "Type": "error"}, 500)
NOT_FOUND = reply({"Message": "block was not found locally (offline)", "Code": 0, "Type": "error"}, 500)

Keep = Callable[[], None]


def blocks(content: Content) -> dict[str, bytes]:
    """Every block of a file, by its CID's text."""
    return {
        str(item.cid): item.data if isinstance(item, Block) else content.dag.cut(item, content.read)
        for item in content.dag.blocks()
    }


def root(content: Content, **changed: object) -> dict[str, object]:
    return {"Root": {"Cid": {"/": str(content.cid)}, "PinErrorMsg": "", **changed}}


STATS = {"Stats": {"BlockCount": 4, "BlockBytesCount": 1}}


@pytest.fixture
def node(service: Service, content: Content) -> Service:
    """A node that does everything right, once."""
    there = blocks(content)
    whole = {"UniqueBlocks": len(there), "TotalSize": sum(map(len, there.values()))}
    pinned = reply({"Keys": {str(content.cid): {"Type": "recursive"}}})
    service.on(f"{API}version", reply({"Version": "0.42.0"}))
    service.on(f"{API}pin/ls", NOT_PINNED, pinned)
    service.on(f"{API}block/stat", NOT_FOUND)
    service.on(f"{API}dag/import", ndjson(root(content), STATS))
    service.on(f"{API}dag/stat", ndjson({"TotalSize": 0}, whole))
    service.on(f"{API}block/get", lambda request: Reply(there[request.query["arg"]]))
    return service


@pytest.fixture
def keep(
    node: Service,
    content: Content,
    make_api: Callable[..., Api],
    patience: Patience,
    events: list[Event],
) -> Keep:
    kubo = Kubo(make_api(node.url), patience, Sample())

    def keep() -> None:
        assert list(kubo.keep([content], events.append)) == [content]

    return keep


def test_a_file_goes_as_one_car_of_known_length(
    keep: Keep, node: Service, content: Content, events: list[Event]
) -> None:
    keep()
    (request,) = node.to(f"{API}dag/import")
    assert int(request.headers["Content-Length"]) == len(request.body)
    head, _, rest = request.body.partition(b"\r\n\r\n")
    assert b'name="file"' in head
    car = rest[: rest.rindex(b"\r\n--", 0, len(rest) - 4)]
    assert {str(block.cid): block.data for block in cars.blocks([car])} == blocks(content)
    assert Sending("m.gguf", "kubo", len(car), 0) in events
    assert events[-1] == Kept("m.gguf", "kubo", "pinned and whole, all of its 5 blocks read back")


def test_an_error_that_stands_behind_a_200_is_tried_again_and_then_told(
    keep: Keep, node: Service, content: Content, events: list[Event]
) -> None:
    node.on(f"{API}pin/ls", NOT_PINNED)
    node.on(f"{API}dag/import", ndjson(root(content, PinErrorMsg="merkledag: not found"), STATS))
    with pytest.raises(Interrupted, match=r"could not pin bafy.*: merkledag: not found"):
        keep()
    assert len(node.to(f"{API}dag/import")) == 3
    assert [type(event) for event in events].count(Retrying) == 2


@pytest.mark.parametrize(
    "cut",
    [
        lambda content: ndjson(root(content)),
        lambda content: ndjson({"Root": {"Cid": str(content.cid), "PinErrorMsg": ""}}),
        lambda content: ndjson(STATS),
        lambda content: Reply(),
        lambda content: Reply(b'{"Root": {"Cid"'),
        lambda content: Reply(ndjson(root(content)).body, cut=True),
    ],
)
def test_an_answer_that_is_cut_is_no_success(
    keep: Keep, node: Service, content: Content, cut: Callable[[Content], Reply]
) -> None:
    node.on(f"{API}pin/ls", NOT_PINNED)
    node.on(f"{API}dag/import", cut(content))
    with pytest.raises(Interrupted):
        keep()


def test_another_root_than_ours_is_refused_at_once(keep: Keep, node: Service) -> None:
    other = cids.of(b"other", cids.RAW)
    node.on(f"{API}dag/import", ndjson({"Root": {"Cid": {"/": str(other)}, "PinErrorMsg": ""}}, STATS))
    with pytest.raises(IntegrityError, match=f"and calls it {other}"):
        keep()
    assert len(node.to(f"{API}dag/import")) == 1


def test_what_the_node_has_is_not_sent_again(
    keep: Keep, node: Service, content: Content, events: list[Event]
) -> None:
    first = [str(block.cid) for block in content.dag.blocks()][:3]

    def stat(request: Request) -> Reply:
        cid = request.query["arg"]
        return reply({"Key": cid, "Size": 1}) if cid in first else NOT_FOUND

    node.on(f"{API}block/stat", stat)
    keep()
    (request,) = node.to(f"{API}dag/import")
    assert len(request.body) < content.dag.size - (1 << 20)
    assert all(request.query["offline"] == "true" for request in node.to(f"{API}block/stat"))
    sending = next(event for event in events if isinstance(event, Sending))
    assert sending.held > 1 << 20


def test_what_is_there_and_only_not_pinned_is_pinned(keep: Keep, node: Service, content: Content) -> None:
    node.on(f"{API}block/stat", lambda request: reply({"Key": request.query["arg"], "Size": 1}))
    node.on(f"{API}pin/add", reply({"Pins": [str(content.cid)]}))
    keep()
    assert not node.to(f"{API}dag/import")
    assert [request.query["arg"] for request in node.to(f"{API}pin/add")] == [str(content.cid)]


def test_what_is_pinned_is_checked_and_not_sent(
    keep: Keep, node: Service, content: Content, events: list[Event]
) -> None:
    node.on(f"{API}pin/ls", reply({"Keys": {str(content.cid): {"Type": "recursive"}}}))
    keep()
    assert Held("m.gguf", "kubo") in events
    assert not node.to(f"{API}dag/import")
    assert len(node.to(f"{API}block/get")) == 5


def test_an_empty_file_that_is_pinned_is_whole_without_a_walk(
    make_content: Callable[..., Content], node: Service, make_api: Callable[..., Api], patience: Patience
) -> None:
    empty = make_content(0)
    node.on(f"{API}pin/ls", reply({"Keys": {str(empty.cid): {"Type": "recursive"}}}))
    node.on(f"{API}dag/stat", Reply())  # a real one divides by its size, and then says nothing
    node.on(f"{API}block/get", Reply())
    target = Kubo(make_api(node.url), patience, Sample())
    assert list(target.keep([empty], [].append)) == [empty]


def test_a_node_that_may_not_connect_or_cannot_is_no_error(
    node: Service, make_api: Callable[..., Api], patience: Patience
) -> None:
    node.on(f"{API}swarm/connect", Reply(status=403), Reply(status=500), Reply(b"<html>"), reply({}))
    Kubo(make_api(node.url), patience, Sample()).connect(["/ip4/1.2.3.4/tcp/1"] * 4)
    assert len(node.to(f"{API}swarm/connect")) == 4


def test_a_wrong_block_on_reading_back_is_an_integrity_error(keep: Keep, node: Service) -> None:
    node.on(f"{API}block/get", Reply(b"something else"))
    with pytest.raises(IntegrityError, match="is not the one that"):
        keep()


def test_a_dag_that_has_holes_by_now_is_an_integrity_error(
    keep: Keep, node: Service, content: Content
) -> None:
    node.on(f"{API}pin/ls", reply({"Keys": {str(content.cid): {"Type": "recursive"}}}))
    node.on(f"{API}dag/stat", ndjson({"UniqueBlocks": 3, "TotalSize": 2_000_000}))
    with pytest.raises(IntegrityError, match="has 3 blocks of bafy"):
        keep()


def test_reading_back_goes_on_after_an_interruption(keep: Keep, node: Service, content: Content) -> None:
    there = blocks(content)
    broken: set[str] = set()

    def get(request: Request) -> Reply:
        cid = request.query["arg"]
        if cid not in broken and cid == str(content.cid):
            broken.add(cid)
            return Reply(status=503)
        return Reply(there[cid])

    node.on(f"{API}block/get", get)
    keep()
    assert 6 <= len(node.to(f"{API}block/get")) <= 10


@pytest.mark.parametrize(
    ("refusal", "error", "said"),
    [
        (Reply(b"no\x1b[31m", 401), AccessDenied, r"does not let us in \(401\): no"),
        (Reply(b"Access Denied", 403), AccessDenied, r"api/v0/dag/import does not.*\(403\): Access Denied"),
        (
            reply({"error": {"reason": "INSUFFICIENT_FUNDS", "details": "pay"}}, 402),
            TargetError,
            "quota.*pay",
        ),
        (Reply(b"", 413), TargetError, "refuses a file of this size"),
        (Reply(b"", 507), TargetError, "quota"),
        (Reply(b"", 418), TargetError, "answers 418"),
        (Reply(b"", 302, {"Location": "https://elsewhere.example"}), TargetError, "answers 302"),
        (Reply(b"", 500), Interrupted, "a problem of its own"),
        (Reply(b"write /r/x: no space left on device", 500), TargetError, "no space left"),
        (Reply(b"mismatch in content integrity, expected", 500), IntegrityError, "m.gguf is read with other"),
    ],
)
def test_a_refusal_says_what_it_means(
    keep: Keep, node: Service, refusal: Reply, error: type[EaiError], said: str
) -> None:
    node.on(f"{API}dag/import", refusal)
    node.on(f"{API}pin/ls", NOT_PINNED)
    with pytest.raises(error, match=said) as raised:
        keep()
    assert "\x1b" not in raised.value.message


def test_who_is_asked_too_often_is_asked_when_it_says(
    keep: Keep, node: Service, content: Content, waits: list[float]
) -> None:
    slow = Reply(b"", 429, {"Retry-After": "7"})
    node.on(f"{API}pin/ls", NOT_PINNED, NOT_PINNED, reply({"Keys": {str(content.cid): {}}}))
    node.on(f"{API}dag/import", slow, ndjson(root(content), STATS))
    keep()
    assert waits == [7]


def test_a_wait_that_is_too_long_ends_it(keep: Keep, node: Service, waits: list[float]) -> None:
    node.on(f"{API}dag/import", Reply(b"", 429, {"Retry-After": "9999"}))
    with pytest.raises(Interrupted, match="asked too often") as raised:
        keep()
    assert "come back in 9999 s" in str(raised.value.hint)
    assert waits == []


@pytest.mark.parametrize("version", ["0.4.23", "", "js-ipfs"])
def test_a_node_that_is_too_old_is_refused(
    service: Service, make_api: Callable[..., Api], patience: Patience, version: str
) -> None:
    service.on(f"{API}version", reply({"Version": version}))
    with pytest.raises(TargetError, match="the oldest that will do"):
        Kubo(make_api(service.url), patience, Sample()).ready([].append)

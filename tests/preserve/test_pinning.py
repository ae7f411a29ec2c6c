"""The target `pinning-service`: the IPFS Pinning Service API 1.0, over a node that keeps the file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from support.answering import Reply, Service, reply

from zoo.errors import AccessDenied, EaiError, IntegrityError, Interrupted, TargetError
from zoo.ipfs import cid as cids
from zoo.preserve.api import Api
from zoo.preserve.content import Content
from zoo.preserve.events import Event, Held, Kept, Progress, Retrying, Waiting
from zoo.preserve.kubo import Kubo
from zoo.preserve.pinning import PinningService
from zoo.preserve.retry import Patience
from zoo.preserve.sample import Sample

ORIGIN = "/ip4/203.0.113.7/tcp/4001/p2p/12D3KooWCz5TnwySxx2aeZm5Tm4cpGueEuE1dvJxTVPCsUfT6RcR"


class Node(Kubo):
    """A node that has everything already."""

    def __init__(self, api: Api, patience: Patience) -> None:
        super().__init__(api, patience, Sample())
        self.connected: list[str] = []

    def ready(self, _: Progress) -> None:
        pass

    def addresses(self) -> tuple[str, ...]:
        return (ORIGIN,) * 25

    def connect(self, addresses: Sequence[str]) -> None:
        self.connected += addresses

    def keep(self, contents: Sequence[Content], tell: Progress) -> Iterator[Content]:
        yield from contents


def pin(content: Content, status: str, **more: object) -> dict[str, Any]:
    return {
        "requestid": "a/b",
        "status": status,
        "created": "2026-11-22T00:00:00Z",
        "pin": {"cid": str(content.cid)},
        "delegates": ["/dnsaddr/pins.example"],
        **more,
    }


@pytest.fixture
def node(make_api: Callable[..., Api], patience: Patience) -> Node:
    return Node(make_api("http://127.0.0.1:1"), patience)


@pytest.fixture
def target(service: Service, make_api: Callable[..., Api], node: Node, patience: Patience) -> PinningService:
    api = make_api(f"{service.url}/psa", "the pinning service", Authorization="Bearer token")
    return PinningService(api, node, patience)


def asks(service: Service, found: list[dict[str, Any]], made: object, *, status: int = 202) -> None:
    """Answer `GET /pins` with a list, and `POST /pins` with a pin."""
    service.on(
        "/psa/pins",
        lambda request: (
            reply({"count": len(found), "results": found}) if request.method == "GET" else reply(made, status)
        ),
    )


def keep(target: PinningService, content: Content, events: list[Event]) -> None:
    target.ready([].append)
    assert list(target.keep([content], events.append)) == [content]


def test_a_file_is_pinned_once_the_service_says_so(
    target: PinningService, service: Service, node: Node, content: Content, events: list[Event]
) -> None:
    asks(service, [], pin(content, "queued"))
    service.on(
        "/psa/pins/a%2Fb",
        reply(pin(content, "queued")),
        reply(pin(content, "pinning")),
        Reply(status=503),
        reply(pin(content, "pinned")),
    )
    keep(target, content, events)
    (post,) = [request for request in service.asked if request.method == "POST"]
    assert post.headers["Authorization"] == "Bearer token"
    sent = json.loads(post.body)
    assert sent == {"cid": str(content.cid), "name": "m.gguf", "origins": [ORIGIN] * 20}
    assert node.connected == ["/dnsaddr/pins.example"]
    assert [event.status for event in events if isinstance(event, Waiting)] == ["queued", "pinning"]
    assert events[-1] == Kept("m.gguf", "pinning-service", "the service says that it is pinned")


def test_a_service_that_is_busy_at_first_is_asked_again(
    target: PinningService, service: Service, events: list[Event], waits: list[float]
) -> None:
    service.on("/psa/pins", Reply(status=503, headers={"Retry-After": "3"}), reply({"count": 0}))
    target.ready(events.append)
    assert waits == [3]
    assert [event.target for event in events if isinstance(event, Retrying)] == ["pinning-service"]


def test_what_is_pinned_already_is_not_asked_for_again(
    target: PinningService, service: Service, content: Content, events: list[Event]
) -> None:
    asks(service, [pin(content, "queued"), pin(content, "pinned")], None)
    keep(target, content, events)
    assert Held("m.gguf", "pinning-service") in events
    assert all(request.method == "GET" for request in service.asked)


def test_a_pin_of_an_earlier_run_is_waited_for(
    target: PinningService, service: Service, content: Content, events: list[Event]
) -> None:
    asks(service, [pin(content, "pinning")], None)
    service.on("/psa/pins/a%2Fb", reply(pin(content, "pinned")))
    keep(target, content, events)
    assert all(request.method == "GET" for request in service.asked)


def test_a_pin_that_failed_says_why(
    target: PinningService, service: Service, content: Content, events: list[Event]
) -> None:
    asks(service, [], pin(content, "queued"))
    failed = pin(content, "failed", info={"status_details": "no \x1b[31mproviders"})
    service.on("/psa/pins/a%2Fb", reply(failed))
    with pytest.raises(TargetError, match=r"could not pin bafy.*: no  \[31mproviders"):
        keep(target, content, events)


def test_a_pin_that_failed_before_is_asked_for_anew(
    target: PinningService, service: Service, content: Content, events: list[Event]
) -> None:
    asks(service, [pin(content, "failed")], pin(content, "pinned"))
    keep(target, content, events)
    assert [request.method for request in service.to("/psa/pins")] == ["GET", "GET", "POST"]


def test_a_list_of_pins_that_is_none_is_taken_as_empty(
    target: PinningService, service: Service, content: Content, events: list[Event]
) -> None:
    service.on(
        "/psa/pins",
        lambda request: reply(
            {"count": 1, "results": 1} if request.method == "GET" else pin(content, "pinned")
        ),
    )
    keep(target, content, events)


def test_a_pin_that_takes_too_long_is_left_to_the_service(
    target: PinningService, service: Service, content: Content, events: list[Event], waits: list[float]
) -> None:
    asks(service, [], pin(content, "queued"))
    service.on("/psa/pins/a%2Fb", reply(pin(content, "queued")))
    with pytest.raises(Interrupted, match="it is queued") as raised:
        keep(target, content, events)
    assert "run the command again later" in str(raised.value.hint)
    assert 100 < sum(waits) < 140


@pytest.mark.parametrize(
    ("made", "status", "error", "said"),
    [
        ({"error": {"reason": "INSUFFICIENT_FUNDS", "details": "top up"}}, 402, TargetError, "top up"),
        ({"error": {"reason": "INSUFFICIENT_FUNDS", "details": "top up"}}, 409, TargetError, "409.*top up"),
        ({"error": {"reason": "UNAUTHORIZED"}}, 401, AccessDenied, "UNAUTHORIZED"),
        ({"error": {"reason": "INTERNAL"}}, 500, Interrupted, "INTERNAL"),
        ({"hello": "world"}, 202, TargetError, "what is no pin"),
        ([], 202, TargetError, "what is no pin"),
        ({"status": ["queued"], "pin": {}, "requestid": "a"}, 202, TargetError, "what is no pin"),
        ({"status": "queued", "pin": {"cid": "x"}}, 202, TargetError, "what is no pin"),
        ({"status": "token", "pin": {}, "requestid": "a"}, 202, TargetError, "'status': '…'"),
    ],
)
def test_a_refusal_says_what_it_means(
    *,
    target: PinningService,
    service: Service,
    content: Content,
    events: list[Event],
    made: object,
    status: int,
    error: type[EaiError],
    said: str,
) -> None:
    asks(service, [], made, status=status)
    with pytest.raises(error, match=said):
        keep(target, content, events)


def test_a_pin_of_another_cid_is_refused(
    target: PinningService, service: Service, content: Content, events: list[Event]
) -> None:
    other = {**pin(content, "pinned"), "pin": {"cid": str(cids.of(b"other", cids.RAW))}}
    asks(service, [], other)
    with pytest.raises(IntegrityError, match="was asked to pin"):
        keep(target, content, events)

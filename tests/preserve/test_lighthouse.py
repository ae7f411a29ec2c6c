"""The target `lighthouse`, as its documentation says that it answers."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support.answering import Reply, Request, Service, ndjson, reply

from zoo.errors import AccessDenied, EaiError, IntegrityError, Interrupted, TargetError
from zoo.ipfs import cid as cids
from zoo.ipfs.builder import Block
from zoo.preserve import lighthouse
from zoo.preserve.api import Api
from zoo.preserve.content import Content
from zoo.preserve.events import Event, Held, Kept, Retrying
from zoo.preserve.lighthouse import Lighthouse, Services
from zoo.preserve.retry import Patience
from zoo.preserve.sample import Sample

IMPORT, USAGE, FILES = "/api/v0/dag/import", "/api/user/user_data_usage", "/api/user/files_uploaded"

Make = Callable[..., Lighthouse]


def gateway(content: Content) -> Callable[[Request], Reply]:
    there = {
        f"/ipfs/{item.cid}": item.data if isinstance(item, Block) else content.dag.cut(item, content.read)
        for item in content.dag.blocks()
    }
    return lambda request: Reply(there[request.path])


@pytest.fixture
def site(service: Service, content: Content) -> Service:
    service.on(USAGE, reply({"dataLimit": 10**9, "dataUsed": 5}))
    service.on(FILES, reply({"fileList": [], "totalFiles": 0}))
    service.on(IMPORT, reply({"Name": "m", "Hash": str(content.cid), "Size": "3145733"}))
    for block in content.dag.blocks():
        service.on(f"/ipfs/{block.cid}", gateway(content))
    return service


@pytest.fixture
def target(site: Service, make_api: Callable[..., Api], patience: Patience) -> Lighthouse:
    api = make_api(site.url, "lighthouse", Authorization="Bearer key")
    return Lighthouse(Services(api, api, (make_api(site.url, "the gateway"),)), patience, Sample())


def keep(target: Lighthouse, content: Content, events: list[Event]) -> None:
    target.ready([].append)
    assert list(target.keep([content], events.append)) == [content]


def test_a_file_is_sent_with_the_key_and_read_back_without_it(
    target: Lighthouse, site: Service, content: Content, events: list[Event]
) -> None:
    keep(target, content, events)
    (sent,) = site.to(IMPORT)
    assert sent.headers["Authorization"] == "Bearer key"
    back = [request for request in site.asked if request.path.startswith("/ipfs/")]
    assert len(back) == 5
    assert all(request.query == {"format": "raw"} for request in back)
    assert all("Authorization" not in request.headers for request in back)
    assert events[-1] == Kept("m.gguf", "lighthouse", "all of its 5 blocks read back")


def test_an_answer_as_kubo_gives_it_is_understood(
    target: Lighthouse, site: Service, content: Content, events: list[Event]
) -> None:
    site.on(IMPORT, ndjson({"Root": {"Cid": {"/": str(content.cid)}, "PinErrorMsg": ""}}))
    keep(target, content, events)


def test_what_the_account_has_is_not_sent_again_wherever_in_its_list_it_is(
    target: Lighthouse, site: Service, content: Content, events: list[Event]
) -> None:
    pages = {
        "": [{"cid": "Qmno", "id": "1"}, {"cid": None, "id": "2"}],
        "2": [{"cid": str(content.cid), "id": "3"}],
    }
    site.on(FILES, lambda request: reply({"fileList": pages[request.query.get("lastKey", "")]}))
    keep(target, content, events)
    assert Held("m.gguf", "lighthouse") in events
    assert not site.to(IMPORT)


def test_a_file_whose_answer_was_lost_is_not_sent_twice(
    target: Lighthouse, site: Service, content: Content, events: list[Event]
) -> None:
    site.on(IMPORT, Reply(status=504))
    site.on(FILES, reply({"fileList": []}), reply({"fileList": [{"cid": str(content.cid), "id": "1"}]}))
    keep(target, content, events)
    assert len(site.to(IMPORT)) == 1
    assert Held("m.gguf", "lighthouse") in events


@pytest.mark.parametrize("value", [b"1", b'{"cid": 1}', b'"x"', b"null", b"NaN", b"Infinity"])
def test_a_list_or_a_limit_that_is_none_says_nothing(
    target: Lighthouse, site: Service, content: Content, events: list[Event], value: bytes
) -> None:
    site.on(FILES, Reply(b'{"fileList": %b}' % value))
    site.on(USAGE, Reply(b'{"dataLimit": %b, "dataUsed": -1e9}' % value))
    keep(target, content, events)


@pytest.mark.parametrize("named", [str(cids.of(b"other", cids.RAW))])
def test_another_cid_than_ours_is_refused(
    target: Lighthouse, site: Service, content: Content, events: list[Event], named: str
) -> None:
    site.on(IMPORT, reply({"Name": "m", "Hash": named, "Size": "1"}))
    with pytest.raises(IntegrityError, match=f"and calls it {named}"):
        keep(target, content, events)


@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        (reply({}), Interrupted, "names no CID"),
        (reply({"Root": {"Cid": {"/": "x"}, "PinErrorMsg": "no room"}}), Interrupted, "no room"),
        (Reply(b"", 402), TargetError, "quota"),
        (Reply(b"", 413), TargetError, "refuses a file of this size"),
        (reply({"error": {"code": 401, "message": "bad"}}, 401), AccessDenied, "does not let us in"),
    ],
)
def test_a_refusal_says_what_it_means(
    *,
    target: Lighthouse,
    site: Service,
    content: Content,
    events: list[Event],
    answer: Reply,
    error: type[EaiError],
    said: str,
) -> None:
    site.on(IMPORT, answer)
    with pytest.raises(error, match=said):
        keep(target, content, events)


def test_a_wrong_key_is_found_before_anything_is_sent(
    target: Lighthouse, site: Service, content: Content, events: list[Event]
) -> None:
    site.on(USAGE, Reply(b"", 401))
    with pytest.raises(AccessDenied, match=r"\(401\)") as raised:
        keep(target, content, events)
    assert raised.value.hint == "set THE_KEY"
    assert [request.path for request in site.asked] == [USAGE]


def test_who_is_not_there_at_first_is_asked_again(
    target: Lighthouse, site: Service, content: Content, events: list[Event], waits: list[float]
) -> None:
    busy = Reply(status=429, headers={"Retry-After": "7"})
    site.on(USAGE, busy, reply({}), busy, reply({}))
    target.ready(events.append)
    assert waits == [7]
    keep(target, content, events)
    assert waits == [7, 7]
    assert len([event for event in events if isinstance(event, Retrying)]) == 1


def test_a_quota_that_is_too_small_is_found_before_anything_is_sent(
    target: Lighthouse, site: Service, content: Content, events: list[Event]
) -> None:
    site.on(USAGE, reply({"dataLimit": "3000000", "dataUsed": 1}))
    with pytest.raises(TargetError, match="there is room for 2,999,999"):
        keep(target, content, events)
    assert not site.to(IMPORT)


def test_a_file_that_is_too_large_is_found_before_anything_is_sent(
    target: Lighthouse,
    site: Service,
    content: Content,
    events: list[Event],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lighthouse, "LARGEST", 1000)
    with pytest.raises(TargetError, match="takes 1,000 bytes at a time"):
        keep(target, content, events)
    assert not site.to(IMPORT)


def test_what_no_gateway_gives_back_is_not_kept_and_not_lost(
    target: Lighthouse, site: Service, content: Content, events: list[Event]
) -> None:
    site.on(f"/ipfs/{content.cid}", Reply(b"<html>", 200))
    with pytest.raises(Interrupted, match="could not be read back") as raised:
        keep(target, content, events)
    assert "nothing is sent twice" in str(raised.value.hint)
    assert not [event for event in events if isinstance(event, Kept)]

"""Events of responses, as llama.cpp sends them, become such as OpenAI's client counts on."""

from __future__ import annotations

import json
from typing import Any

from zoo.serve.responses import Events

SAID = [
    {"type": "response.created", "response": {"id": "r"}},
    {"type": "response.output_item.added", "item": {"id": "rs", "type": "reasoning"}},
    {"type": "response.reasoning_text.delta", "item_id": "rs", "delta": "hm"},
    {"type": "response.output_item.added", "item": {"id": "msg", "type": "message"}},
    {"type": "response.content_part.added", "item_id": "msg", "part": {}},
    {"type": "response.output_text.delta", "item_id": "msg", "delta": "é"},
    {"type": "response.output_item.done", "item": {"id": "rs"}},
    {"type": "response.completed", "response": {"id": "r", "model": "engine's own", "output": [1]}},
]


def sent(*events: dict[str, Any]) -> bytes:
    return b"".join(b"event: %b\ndata: %b\n\n" % (e["type"].encode(), json.dumps(e).encode()) for e in events)


def heard(raw: bytes) -> list[dict[str, Any]]:
    assert raw.endswith(b"\n\n") or not raw
    lines = [line for line in raw.decode().splitlines() if line.startswith("data: ")]
    return [json.loads(line.removeprefix("data: ")) for line in lines]


def test_events_are_numbered_and_placed() -> None:
    events = heard(Events("mine", 7.9).feed(sent(*SAID)))
    assert [event["sequence_number"] for event in events] == list(range(8))
    assert [event.get("output_index") for event in events] == [None, 0, 0, 1, 1, 1, 0, None]
    assert [event.get("content_index") for event in events] == [None, None, 0, None, 0, 0, None, None]
    assert events[5]["logprobs"] == []


def test_what_an_event_says_itself_stays() -> None:
    events = heard(Events("mine", 7.9).feed(sent(*SAID)))
    assert events[0]["response"] == {"id": "r", "model": "mine", "created_at": 7, "output": []}
    assert events[7]["response"] == {"id": "r", "model": "engine's own", "created_at": 7, "output": [1]}
    for event, said in zip(events[1:7], SAID[1:7], strict=True):
        assert said.items() <= event.items()


def test_it_makes_no_difference_where_the_bytes_are_cut() -> None:
    raw = sent(*SAID)
    whole = Events("mine", 7.9).feed(raw)
    for size in (1, 7, 100):
        events = Events("mine", 7.9)
        assert b"".join(events.feed(raw[at : at + size]) for at in range(0, len(raw), size)) == whole


def test_other_lines_pass_as_they_are() -> None:
    raw = b': ping\n\ndata: [DONE]\n\nevent: error\ndata: {"error": {"message": "x"}}\n\ndata: 7\n\n'
    assert Events("mine", 7.9).feed(raw) == raw

"""What is told of models that came and went."""

from __future__ import annotations

import pytest
from support.bench import a_model

from zoo.environment.model import ServedModel
from zoo.errors import EngineError
from zoo.serve.flow import Flow
from zoo.serve.history import KEPT, History
from zoo.serve.slot import Seen

CHAT = a_model("chat", main=True)


def seen(**counts: object) -> Seen:
    facts = dict.fromkeys(Seen.__dataclass_fields__, 0)
    return Seen(**{**facts, "name": "chat", "state": "ready", "problem": None, **counts})  # type: ignore[arg-type] - as the class has them


class Watch:
    """A clock that is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    async def three_seconds(self, model: ServedModel) -> str:
        self.now += 3
        return f"the engine of {model.name}"

    async def no_luck(self, _: ServedModel) -> None:
        self.now += 1
        raise EngineError("no such tensor")


async def test_loading_is_timed_and_a_failure_says_why() -> None:
    watch = Watch()
    history = History(watch)
    assert await history.timed(watch.three_seconds, began=996.0)(CHAT) == "the engine of chat"
    await history.timed(watch.three_seconds)(CHAT)
    with pytest.raises(EngineError):
        await history.timed(watch.no_luck)(CHAT)
    assert [(each.at, each.what, each.seconds, each.why) for each in history.swaps] == [
        (1003.0, "loaded", 7.0, None),
        (1006.0, "loaded", 3.0, None),
        (1007.0, "failed", None, "no such tensor"),
    ]
    assert history.look([]) == list(history.swaps)
    assert history.look([]) == []


def test_unloads_and_crashes_are_seen_once() -> None:
    history = History(Watch())
    assert history.look([seen()]) == []
    crash = history.look([seen(crashes=1, problem="signal SIGSEGV")])
    assert [(each.model, each.what, each.why) for each in crash] == [("chat", "crashed", "signal SIGSEGV")]
    assert [each.what for each in history.look([seen(crashes=1, unloads=2)])] == ["unloaded"]
    assert history.look([seen(crashes=1, unloads=2)]) == []


def test_only_the_last_swaps_are_kept() -> None:
    history = History(Watch())
    for number in range(KEPT + 10):
        history.look([seen(unloads=number + 1)])
    assert len(history.swaps) == KEPT


def test_the_flow_is_counted_in_events_a_second() -> None:
    flow = Flow()
    assert flow.sample(10.0).rates == {}
    flow.count("chat", b"data: 1\n\ndata: 2\n\nda")
    flow.count("chat", b"ta: 3\n\n")
    flow.count("other", b"data: half")
    assert flow.sample(12.0).rates == {"chat": 1.5}
    assert flow.sample(13.0).rates == {}

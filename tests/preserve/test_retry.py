"""Trying again: as often as is allowed, after waits that grow, and never for what will not change."""

from __future__ import annotations

import pytest

from zoo.errors import Interrupted, TargetError
from zoo.preserve.retry import Patience, again


def test_it_is_tried_until_it_is_done(patience: Patience, waits: list[float]) -> None:
    left = [Interrupted("one"), Interrupted("two")]
    told: list[str] = []

    def action() -> str:
        if left:
            raise left.pop(0)
        return "done"

    assert again(action, patience, lambda error, _: told.append(error.message)) == "done"
    assert told == ["one", "two"]
    assert 0.5 <= waits[0] <= 1 <= waits[1] <= 2


def test_the_last_error_is_the_one_that_is_told(patience: Patience, waits: list[float]) -> None:
    def action() -> None:
        raise Interrupted(f"number {len(waits)}")

    with pytest.raises(Interrupted, match="number 2") as raised:
        again(action, patience, lambda *_: None)
    assert "run the command again" in str(raised.value.hint)


def test_a_refusal_is_not_tried_again(patience: Patience, waits: list[float]) -> None:
    def action() -> None:
        raise TargetError("no")

    with pytest.raises(TargetError):
        again(action, patience, lambda *_: None)
    assert waits == []

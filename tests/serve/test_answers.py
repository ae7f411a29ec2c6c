"""What a client is told where the scheduler gives no engine."""

from __future__ import annotations

import pytest

from zoo.errors import EngineBusy, EngineDown, EngineError, EngineTooLarge, QueueFull
from zoo.serve.answers import of_engine


@pytest.mark.parametrize(
    ("error", "status", "code", "retry"),
    [
        (QueueFull("full", retry_after=2.1), 429, "queue_full", "3"),
        (EngineBusy("busy", retry_after=7), 503, "no_room", "7"),
        (EngineBusy("shutting down"), 503, "no_room", "5"),
        (EngineDown("down", retry_after=0.2), 503, "engine_failed", "1"),
        (EngineTooLarge("large"), 503, "model_too_large", None),
        (EngineError("failed"), 503, "engine_failed", None),
    ],
)
def test_each_refusal_says_when_to_ask_again(
    error: EngineError, status: int, code: str, retry: str | None
) -> None:
    problem = of_engine(error)
    assert (problem.status, problem.code, problem.headers.get("Retry-After")) == (status, code, retry)


def test_a_hint_is_told_too() -> None:
    assert of_engine(EngineError("it failed", hint="look")).message == "it failed (hint: look)"

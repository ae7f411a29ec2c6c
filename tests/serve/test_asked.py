"""What the proxy reads of a request, and how much one may ask for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from zoo.serve import asked
from zoo.serve.answers import Problem


def refusal(**fields: Any) -> Problem:  # noqa: ANN401 - JSON
    with pytest.raises(Problem) as caught:
        asked.read(json.dumps(fields).encode())
    return caught.value


def test_the_model_is_read() -> None:
    assert asked.read(b'{"model": "x", "stream": true, "n": 1e0, "stop": null}').model == "x"


@pytest.mark.parametrize(
    "fields",
    [
        {"messages": [{}] * asked.MESSAGES},
        {"input": ["x"] * asked.INPUTS},
        {"input": [1] * (asked.INPUTS + 1)},
        {"input": "x" * (asked.INPUTS + 1)},
        {"prompt": list(range(9999))},
        {"prompt": {"prompt_string": "x"}},
        {"input": []},
        {"documents": ["x"] * asked.DOCUMENTS},
        {"n": asked.CHOICES, "top_logprobs": asked.LOGPROBS},
        {"stop": "x", "tools": None, "logprobs": True},
    ],
)
def test_what_is_within_the_bounds_passes(fields: dict[str, object]) -> None:
    asked.read(json.dumps(fields).encode())


@pytest.mark.parametrize(
    ("param", "value"),
    [
        ("messages", [{}] * (asked.MESSAGES + 1)),
        ("input", ["x"] * (asked.INPUTS + 1)),
        ("input", [[1]] * (asked.INPUTS + 1)),
        ("prompt", ["x"] * (asked.INPUTS + 1)),
        ("documents", ["x"] * (asked.DOCUMENTS + 1)),
        ("texts", ["x"] * (asked.DOCUMENTS + 1)),
        ("tools", [{}] * (asked.TOOLS + 1)),
        ("stop", ["x"] * (asked.STOPS + 1)),
        ("n", asked.CHOICES + 1),
        ("n", 0),
        ("top_logprobs", asked.LOGPROBS + 1),
        ("logprobs", asked.LOGPROBS + 1),
        ("n_probs", asked.LOGPROBS + 1),
    ],
)
def test_what_is_beyond_them_is_refused_and_named(param: str, value: object) -> None:
    problem = refusal(**{param: value})
    assert (problem.status, problem.code, problem.param) == (400, "invalid_value", param)


@pytest.mark.parametrize(
    ("param", "value"), [("model", 7), ("messages", "x"), ("n", "two"), ("stream", 1), ("stop", {})]
)
def test_a_wrong_type_is_refused_and_named(param: str, value: object) -> None:
    problem = refusal(**{param: value})
    assert (problem.status, problem.code, problem.param) == (400, "invalid_type", param)

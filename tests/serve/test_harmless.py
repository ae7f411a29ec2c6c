"""What no engine may be asked."""

from __future__ import annotations

import json

import pytest

from zoo.serve import asked
from zoo.serve.answers import Problem


@pytest.mark.parametrize(
    "body",
    [
        '{"n_discard": -1}',
        '{"n_discard": -1.5}',
        '{"n_discard": 4294967295}',
        '{"n_disc\\u0061rd": -1}',
        '{"n_discard": -1, "n_discard": 0}',
        '{"n_discard": 0, "n_discard": -1}',
        '{"n_discard": "-1"}',
        '{"id_slot": 0}',
        '{"id_slot": -2}',
        '{"grammar_triggers": [{"type": 2, "value": "(a*)*b"}]}',
        '{"repeat_last_n": 2147483647}',
        '{"dry_penalty_last_n": 2147483647}',
        json.dumps({"grammar": "x" * 70_000}),
    ],
)
def test_what_could_do_harm_is_refused(body: str) -> None:
    with pytest.raises(Problem) as caught:
        asked.read(body.encode())
    assert caught.value.status == 400


@pytest.mark.parametrize(
    "body",
    [
        "{}",
        '{"n_discard": 0, "id_slot": -1, "grammar_triggers": [], "repeat_last_n": -1}',
        '{"n_discard": null, "id_slot": null, "grammar_triggers": null, "grammar": null}',
        '{"dry_penalty_last_n": 4096, "grammar": "root ::= \\"yes\\" | \\"no\\"", "lora": [{"id": 0}]}',
    ],
)
def test_what_cannot_do_harm_passes(body: str) -> None:
    assert asked.read(body.encode()).model is None

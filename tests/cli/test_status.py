"""How `eai status` says what runs."""

from __future__ import annotations

import pytest

from zoo.cli.status import duration, lines

STATUS = {
    "url": "http://127.0.0.1:8080/v1",
    "overrides": {},
    "environment": "e" * 64,
    "uptime": 125.4,
    "pid": 42,
    "memory": {
        "loaded": 2_000_000_000,
        "budget": 16_000_000_000,
        "unified": False,
        "gpu": {"loaded": 2_500_000_000, "budget": 8_000_000_000},
    },
    "models": [
        {
            "name": "dolphin",
            "main": True,
            "task": "chat",
            "state": "ready",
            "memory": 2_000_000_000,
            "used": {"host": 500_000_000, "gpu": 2_500_000_000},
            "retry": 0.0,
            "drawing": None,
            "streams": 2,
            "waiting": 0,
            "crashes": 0,
            "problem": None,
            "lora": [{"id": 0, "name": "pirate.gguf", "scale": 0.5, "locked": 1.0}],
        },
        {
            "name": "bge",
            "main": False,
            "task": "embed",
            "state": "unloaded",
            "memory": 100_000_000,
            "used": None,
            "retry": 2.5,
            "drawing": None,
            "streams": 0,
            "waiting": 1,
            "crashes": 1,
            "problem": "the engine of bge died: signal SIGSEGV\n    more",
            "lora": [],
        },
    ],
}


def test_a_person_sees_everything_at_a_glance() -> None:
    assert list(lines(STATUS)) == [
        "http://127.0.0.1:8080/v1",
        f"  environment  {'e' * 64}",
        "  running      2 min 5 s, process 42",
        "  memory       1.9 GiB of 14.9 GiB",
        "  GPU memory   2.3 GiB of 7.5 GiB",
        "  dolphin  (main)  chat    ready, 1.9 GiB (takes 2.8 GiB), 2 streams",
        "    pirate.gguf at 0.5, not at 1 as locked",
        "  bge              embed   unloaded, 95 MiB, 1 waiting, died 1 time, not started again for 3 s",
        "    the engine of bge died: signal SIGSEGV",
    ]


def test_memory_that_both_share_is_one_line() -> None:
    memory = {**STATUS["memory"], "unified": True}  # type: ignore[dict-item] - a table
    said = list(lines({**STATUS, "memory": memory}))
    assert said[3] == "  memory       1.9 GiB of 14.9 GiB, shared with the GPU"
    assert not any("GPU memory" in line for line in said)


def test_what_is_not_as_the_zoofile_says_is_said() -> None:
    first = next(lines({**STATUS, "overrides": {"port": 9000, "host": "0.0.0.0"}}))
    assert first == "http://127.0.0.1:8080/v1  (not as zoofile.toml says: port 9000, host 0.0.0.0)"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59, "59 s"), (60, "1 min"), (7500, "2 h 5 min"), (90061, "1 d 1 h")],
)
def test_a_duration_has_its_two_largest_units(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_how_far_a_picture_is_is_said() -> None:
    drawing = {"step": 3, "steps": 8, "pictures": 2, "waiting": 1}
    flux = {**STATUS["models"][1], "name": "flux", "drawing": drawing, "waiting": 0, "problem": None}

    assert "step 3 of 8, 1 waiting" in list(lines({**STATUS, "models": [flux]}))[-1]

"""`eai down` and `logs` as processes, over tiny models and the real engine."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import httpx2
import pytest
from support.serving import WAIT
from support.shop import ASK, Shop, chat

pytestmark = pytest.mark.engine


@pytest.mark.parametrize(
    ("words", "tokens", "whole"),
    [((), 300, True), (("--force",), 4000, False)],  # more bytes than all buffers on the way hold
)
def test_down_lets_a_stream_end_and_force_does_not(
    shop: Shop, words: tuple[str, ...], tokens: int, *, whole: bool
) -> None:
    url = shop.up()
    body = {
        **ASK,
        "model": "endless",
        "max_tokens": tokens,
        "stream": True,
        "logprobs": True,
        "top_logprobs": 20,
    }
    with httpx2.stream("POST", f"{url}/chat/completions", json=body, timeout=WAIT) as answer:
        lines = answer.iter_lines()
        next(lines)
        with shop.start("down", *words) as down:
            if not whole:
                down.wait(WAIT)
            assert is_whole(lines) is whole
            down.communicate(timeout=WAIT)
    assert down.returncode == 0
    assert shop.running() is None


def is_whole(lines: Iterator[str]) -> bool:
    """Read a stream to its end, whatever that is."""
    try:
        return "data: [DONE]" in list(lines)
    except httpx2.RemoteProtocolError:
        return False


def test_logs_can_be_followed(shop: Shop) -> None:
    url = shop.up()
    with shop.start("logs", "-f", "-n", "1") as following:
        assert following.stdout is not None
        assert following.stdout.readline() == "==> proxy <==\n"
        chat(url)
        said = ""
        while "/v1/chat/completions chat 200" not in said:
            said += following.stdout.readline()
        following.send_signal(signal.SIGINT)
        following.communicate(timeout=WAIT)
    assert following.returncode == 130


def test_logs_of_an_unknown_model_exit_2(shop: Shop) -> None:
    done = shop.eai("logs", "nope")
    assert done.returncode == 2
    assert "hint: it has chat, endless" in done.stderr


@pytest.mark.parametrize("lines", ["-3", "x"])
def test_logs_of_an_impossible_number_of_lines_exit_2(shop: Shop, lines: str) -> None:
    assert shop.eai("logs", "-n", lines).returncode == 2

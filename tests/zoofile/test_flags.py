"""Flags go to an engine only when they are known to be safe and deterministic."""

from __future__ import annotations

import pytest

from zoo.zoofile import flags

GOOD = [
    "--flash-attn", "on", "--cache-type-k", "q8_0", "--swa-full", "--keep", "-1", "--rope-scale", "2.5",
    "--no-context-shift", "--chat-template-kwargs", '{"enable_thinking": false}',
]  # fmt: skip


def test_known_flags_with_values_that_fit_are_taken() -> None:
    assert flags.problem(GOOD) is None
    assert flags.problem([]) is None


@pytest.mark.parametrize(
    ("args", "at", "what", "remedy"),
    [
        (["--ctx-size", "4096"], 0, "may not hold `--ctx-size`", "`context-length`"),
        (["-ngl", "99"], 0, "may not hold `-ngl`", "`gpu-layers`"),
        (["--swa-full", "--temp", "1"], 1, "may not hold `--temp`", "`sampling.temperature`"),
        (["--log-file", "/tmp/x"], 0, "may not hold `--log-file`", "touch no file"),
        (["--slot-save-path=/tmp"], 0, "may not hold `--slot-save-path`", "touch no file"),
        (["--tools", "all"], 0, "may not hold `--tools`", "no other connection"),
        (["--rpc", "h:1"], 0, "may not hold `--rpc`", "no other connection"),
        (["--alias", "x"], 0, "may not hold `--alias`", "eai's to say"),
        (["--threads", "4"], 0, "may not hold `--threads`", "what depends on the machine"),
        (["--model", "x"], 0, "may not hold `--model`", "`path`"),
        (["--flash-atn", "on"], 0, 'may not hold "--flash-atn"', "did you mean `--flash-attn`?"),
        (["--nope"], 0, 'may not hold "--nope"', "--cache-reuse"),
        (["on"], 0, 'holds "on", which is no flag', "a string of its own"),
        (["--flash-attn on"], 0, "may not hold", "did you mean `--flash-attn`?"),
        (["--flash-attn=on"], 0, "joins `--flash-attn` and its value", '"--flash-attn", "on"'),
        (["--flash-attn"], 0, "gives `--flash-attn` no value that fits", "one of `on`, `off`"),
        (["--flash-attn", "auto"], 1, "gives `--flash-attn` no value that fits", "one of `on`, `off`"),
        (["--keep", "--swa-full"], 1, "gives `--keep` no value that fits", "an integer"),
        (["--rope-scale", "nan"], 1, "gives `--rope-scale` no value that fits", "a number"),
        (["--chat-template-kwargs", "[1]"], 1, "no value that fits", "a JSON object"),
        (["--chat-template-kwargs", "[" * 5000], 1, "no value that fits", "a JSON object"),
        (["--swa-full", "--swa-full"], 1, "gives `--swa-full` twice", "keep one"),
    ],
)
def test_a_flag_that_is_refused_comes_with_the_reason(
    args: list[str], at: int, what: str, remedy: str
) -> None:
    found = flags.problem(args)

    assert found is not None
    assert found[0] == at
    assert what in found[1]
    assert remedy in found[2]


def test_each_allowed_flag_may_be_given_some_way() -> None:
    values = ([], ["on"], ["f16"], ["none"], ["1"], ["{}"])

    for flag in flags.ALLOWED:
        assert any(flags.problem([flag, *value]) is None for value in values), flag

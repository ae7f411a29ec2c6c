"""The command line of an engine says all that decides its answers."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from support.locked import model

import zoo.toolchains
from zoo.digest import Digest
from zoo.environment import command
from zoo.errors import EaiError
from zoo.lock.model import File
from zoo.zoofile import flags as allowed
from zoo.zoofile.model import Sampling

FILES = tuple(File(path=f"{name}.gguf", digest=Digest.of_hex(f"{name}" * 32)) for name in ("aa", "bb", "cc"))
WEIGHTS, OTHER, THIRD = FILES


def test_all_that_a_machine_could_choose_is_said() -> None:
    assert command.flags(model("tiny", WEIGHTS)) == (
        *("--model", "./aa.gguf", "--alias", "tiny"),
        *("--ctx-size", "1024", "--parallel", "2", "--batch-size", "256", "--ubatch-size", "256"),
        *("--gpu-layers", "all", "--cache-ram", "0"),
        *("--fit", "off", "--jinja", "--offline", "--no-webui", "--no-slots", "--sse-ping-interval", "15"),
        *("--flash-attn", "on", "--no-kv-unified", "--no-context-shift"),
        *("--temp", "0.5", "--seed", "42"),
    )


def test_a_seed_that_is_not_decided_is_another_one_each_time() -> None:
    assert command.flags(model("tiny", WEIGHTS, sampling=Sampling()))[-2:] == ("--seed", "-1")


def test_every_sampling_default_has_its_flag() -> None:
    decided = Sampling(
        temperature=0.1,
        top_k=2,
        top_p=0.3,
        min_p=0.4,
        repeat_penalty=1.5,
        presence_penalty=0.6,
        frequency_penalty=0.7,
        seed=8,
    )
    given = command.flags(model("tiny", WEIGHTS, sampling=decided))[-16:]

    assert dict(zip(given[::2], given[1::2], strict=True)) == {
        "--temp": "0.1",
        "--top-k": "2",
        "--top-p": "0.3",
        "--min-p": "0.4",
        "--repeat-penalty": "1.5",
        "--presence-penalty": "0.6",
        "--frequency-penalty": "0.7",
        "--seed": "8",
    }


@pytest.mark.parametrize(
    ("task", "pooling", "expected"),
    [
        ("embed", None, ("--embeddings",)),
        ("embed", "cls", ("--embeddings", "--pooling", "cls")),
        ("rerank", "rank", ("--reranking",)),
    ],
)
def test_a_task_has_its_flags(task: str, pooling: str | None, expected: tuple[str, ...]) -> None:
    given = command.flags(model("tiny", WEIGHTS, task=task, pooling=pooling, sampling=Sampling()))

    assert given[-2 - len(expected) : -2] == expected


@pytest.mark.parametrize(
    ("args", "without"),
    [
        (("--flash-attn", "off"), "--flash-attn"),
        (("--kv-unified",), "--no-kv-unified"),
        (("--context-shift",), "--no-context-shift"),
    ],
)
def test_a_models_own_args_take_the_place_of_what_is_pinned(args: tuple[str, ...], without: str) -> None:
    given = command.flags(model("tiny", WEIGHTS, args=args))

    assert given[-len(args) :] == args
    assert without not in given[: -len(args)]


@pytest.mark.parametrize("args", [("--log-file", "x"), ("--host", "0.0.0.0"), ("--model", "/etc/passwd")])
def test_no_lock_can_make_an_engine_do_more(args: tuple[str, ...]) -> None:
    with pytest.raises(EaiError, match=args[0]):
        command.flags(model("tiny", WEIGHTS, args=args))


def test_a_task_that_no_engine_here_does_is_told() -> None:
    with pytest.raises(EaiError, match="image-edit"):
        command.flags(model("tiny", WEIGHTS, task="image-edit"))


def test_what_stands_beside_the_weights_has_names_of_ours() -> None:
    whole = model("tiny", WEIGHTS, mmproj=(OTHER,), lora=(THIRD, OTHER), lora_scales=(0.5, 1.0))

    assert command.view(whole) == {
        "aa.gguf": WEIGHTS.digest,
        "eai-mmproj.gguf": OTHER.digest,
        "eai-lora-0.gguf": THIRD.digest,
        "eai-lora-1.gguf": OTHER.digest,
    }
    given = command.flags(whole)
    assert ("--mmproj", "./eai-mmproj.gguf") in itertools.pairwise(given)
    assert ("--lora-scaled", "./eai-lora-0.gguf:0.5") in itertools.pairwise(given)


def test_the_launcher_honours_every_flag_that_a_zoofile_may_hold() -> None:
    source = Path(zoo.toolchains.__file__).parent / "programs" / "launcher" / "flags.py"
    text = source.read_text("utf-8")

    assert [flag for flag in sorted(allowed.ALLOWED) if f'"{flag}"' not in text] == []

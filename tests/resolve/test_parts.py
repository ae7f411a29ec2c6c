"""The parts of a model: what each is locked as, and what is refused, by name."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support.locking import CUB, LION, REPO, Bench, only
from support.shelf import digest_of

from zoo.errors import EaiError, NotThere

EYES = f'[models.eyes]\nhf = "{REPO}"\nfile = "lion.gguf"\n'
MMPROJ = 'mmproj = "mmproj.gguf"\n'


def test_a_projector_comes_from_the_commit_that_the_weights_are_at(
    bench: Bench, write: Callable[..., bytes]
) -> None:
    first = bench.lock(EYES)
    bench.hub.commit = "b" * 40
    bench.hub.files[REPO]["mmproj.gguf"] = write("clip")

    model = only(bench.lock(EYES + MMPROJ, first))

    assert model.weights == only(first).weights
    assert [file.path for file in model.mmproj] == ["mmproj.gguf"]
    assert model.facts.mmproj
    assert bench.hub.asked[-1].revision == "a" * 40


def test_adapters_keep_their_order_and_each_has_a_name_of_its_own(
    bench: Bench, write: Callable[..., bytes]
) -> None:
    adapters = [write("llama", adapter=True, note=note) for note in ("one", "two")]
    bench.disk.files = {"a/tame.gguf": {"tame.gguf": adapters[1]}, "b/tame.gguf": {"tame.gguf": adapters[0]}}
    lora = '\nlora = [{ path = "a/tame.gguf", scale = 0.5 }, { path = "b/tame.gguf" }]\n'

    model = only(bench.lock(LION + lora))

    assert [file.path for file in model.lora] == ["tame.gguf", "2-tame.gguf"]
    assert [file.digest for file in model.lora] == [digest_of(adapters[1]), digest_of(adapters[0])]
    assert model.settings.lora_scales == (0.5, 1.0)


def test_every_shard_of_a_split_model_is_locked(bench: Bench, shards: tuple[bytes, ...]) -> None:
    bench.hub.files[REPO] = {f"big-Q8_0-0000{at}-of-00003.gguf": data for at, data in enumerate(shards, 1)}

    model = only(bench.lock(f'[models.big]\nhf = "{REPO}"\npattern = "Q8_0"\n'))

    assert [file.digest for file in model.weights] == [digest_of(data) for data in shards]
    assert model.memory > sum(map(len, shards))


@pytest.fixture
def mixed(bench: Bench, write: Callable[..., bytes], shards: tuple[bytes, ...]) -> Bench:
    """Add files of every kind to the repository and to the disk."""
    bench.hub.files[REPO] |= {
        "mmproj.gguf": write("clip"),
        "lora.gguf": write("llama", adapter=True),
        "page.gguf": b"<html>",
        "shard.gguf": shards[0],
    }
    bench.disk.files = {
        "cub.gguf": {"cub.gguf": bench.hub.files[REPO]["cub.gguf"]},
        "alien.gguf": {"alien.gguf": write("qwen3", adapter=True)},
    }
    return bench


@pytest.mark.parametrize(
    ("text", "says", "hint"),
    [
        (LION.replace("lion.gguf", "mmproj.gguf"), "lion: mmproj.gguf is a projector", "as `mmproj`"),
        (LION.replace("lion.gguf", "lora.gguf"), "lion: lora.gguf is a LoRA adapter", "in `lora`"),
        (
            LION.replace("lion.gguf", "page.gguf"),
            "lion: page.gguf is no GGUF file: it begins with '<htm'",
            ".gguf",
        ),
        (
            LION.replace("lion.gguf", "shard.gguf"),
            "shard.gguf is shard 1 of 3, and here it is file 1 of 1",
            "pattern",
        ),
        (EYES + 'mmproj = "cub.gguf"\n', "eyes: cub.gguf is a model's weights, not a projector", "own file"),
        (
            LION + 'lora = [{ path = "cub.gguf" }]\n',
            "lion: cub.gguf is a model's weights, not a LoRA",
            "own file",
        ),
        (LION + 'lora = [{ path = "alien.gguf" }]\n', "made for the architecture 'qwen3'", "for this model"),
        (LION + 'chat-template = "cub.gguf"\n', "cub.gguf is no chat template", "Jinja"),
        ("[models.lyon]\n", "lyon: is not in the catalogue", "hf, ipfs, url, path"),
        ('[models."qwen3-1.7c"]\n', "is not in the catalogue", "did you mean qwen3-1.7b"),
        (LION + 'task = "image-generation"\n', "lion: lion.gguf is a language model", "leave out `task`"),
        ("[models.flux-schnell]\n", "flux-schnell: is for mlx-flux", "parts = {"),
        ("[models.gpt-oss-20b-mlx]\n", "gpt-oss-20b-mlx: is for mlx-lm", "name a GGUF"),
        (LION.replace(REPO, "zoo/gone"), "lion: there is no zoo/gone", "check the name"),
        (LION + "context-length = 1000000\n", "lion: context-length", "4096"),
    ],
)
def test_what_cannot_be_locked_is_told_by_model_with_a_hint(
    mixed: Bench, text: str, says: str, hint: str
) -> None:
    with pytest.raises(EaiError) as caught:
        mixed.lock(text)

    assert says in caught.value.message
    assert hint in str(caught.value.hint)


def test_models_that_cannot_be_locked_are_told_together(bench: Bench) -> None:
    text = LION.replace("lion.gguf", "gone.gguf") + CUB.replace(REPO, "zoo/gone")

    with pytest.raises(NotThere) as caught:
        bench.lock(text)

    assert caught.value.message.splitlines() == [
        "2 models could not be locked",
        f"  lion: {REPO} has no gone.gguf",
        "    check the name",
        "  cub: there is no zoo/gone",
        "    check the name",
    ]


def test_a_featured_model_needs_no_more_than_its_name(bench: Bench) -> None:
    bench.hub.files["Qwen/Qwen3-1.7B-GGUF"] = {"Qwen3-1.7B-Q8_0.gguf": bench.hub.files[REPO]["cub.gguf"]}

    model = only(bench.lock('[models."qwen3-1.7b"]\n'))

    assert model.request.catalog == "qwen3-1.7b"
    assert model.settings.sampling.top_k == 20


def test_an_encoder_is_for_embeddings_unless_something_else_is_said(
    bench: Bench, write: Callable[..., bytes]
) -> None:
    bench.hub.files[REPO]["lion.gguf"] = write("bert")

    assert only(bench.lock(LION)).settings.task == "embed"
    assert only(bench.lock(LION + 'task = "rerank"\n')).settings.task == "rerank"

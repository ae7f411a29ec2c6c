"""A model of the catalogue whose origin fails is locked from its preserved copy; and only then."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support.locking import LION, Bench, only
from support.shelf import digest_of

from zoo.errors import EaiError, NoSpace, SourcesExhausted, ZoofileError
from zoo.fetch.events import Failed

NAME = '[models."qwen3-1.7b"]\n'
REPO = "Qwen/Qwen3-1.7B-GGUF"
FILE = "Qwen3-1.7B-Q8_0.gguf"
CID = "bafkreib6pws5dx5ur6exbhulmf35twfcizdkxvup4cklzprlvaervfz5zy"
EYES = "[models.gemma-3-4b]\n"


@pytest.fixture
def copied(bench: Bench, llama: bytes) -> Bench:
    """A Hub without the catalogue's models, and a copy on IPFS."""
    bench.chest.members.append(("lion.gguf", "weights", llama))
    return bench


def said(bench: Bench) -> list[str]:
    """What people were told of origins that failed."""
    told = [event for event in bench.chest.events if isinstance(event, Failed)]
    return [f"{event.name}: {event.reason}" for event in told if event.source.startswith("hf://")]


def test_a_repository_that_is_gone_is_replaced_by_the_copy_and_people_are_told(
    copied: Bench, llama: bytes
) -> None:
    lock = copied.lock(NAME)

    model = only(lock)
    assert (model.request.catalog, model.request.hf, model.request.ipfs) == ("qwen3-1.7b", None, None)
    assert [file.digest for file in model.weights] == [digest_of(llama)]
    assert lock.artifacts()[digest_of(llama)].ipfs == (f"ipfs://{CID}/lion.gguf",)
    assert model.settings.sampling.top_k == 20
    assert said(copied) == [
        f"qwen3-1.7b: there is no {REPO}; taking the copy preserved on IPFS, ipfs://{CID}"
    ]
    assert [origin.hf for origin in copied.hub.asked] == [REPO]


def test_files_that_may_not_be_opened_are_replaced_too(copied: Bench, llama: bytes) -> None:
    copied.hub.files[REPO] = {FILE: llama + b"newer"}
    copied.hub.gated = True

    lock = copied.lock(NAME)

    assert only(lock).weights[0].digest == digest_of(llama)
    assert [artifact.hf for artifact in lock.artifact if artifact.hf] == []
    assert "is gated; taking the copy" in said(copied)[0]


def test_the_copy_stays_locked_when_the_origin_is_back(copied: Bench, llama: bytes) -> None:
    first = copied.lock(NAME)
    copied.hub.files[REPO] = {FILE: llama + b"newer"}
    copied.asked()

    assert copied.lock(NAME, first) == first
    assert copied.lock(f"{NAME}context-length = 128\n", first).artifact == first.artifact
    assert (copied.asked(), copied.chest.unpacked) == (0, 1)

    upgraded = copied.lock(NAME, first, everything=True)
    assert only(upgraded).weights[0].digest == digest_of(llama + b"newer")
    assert copied.chest.unpacked == 1


def test_an_upgrade_takes_a_copy_again_but_never_in_place_of_what_the_origin_gave(
    copied: Bench, llama: bytes
) -> None:
    copy = copied.lock(NAME)
    assert copied.lock(NAME, copy, everything=True) == copy
    copied.hub.files[REPO] = {FILE: llama + b"pinned"}
    pinned = copied.lock(NAME, copy, everything=True)
    copied.hub.files.clear()
    looked = copied.chest.looked

    with pytest.raises(EaiError, match=f"there is no {REPO}"):
        copied.lock(NAME, pinned, everything=True)
    assert copied.chest.looked == looked


def test_an_entry_that_now_names_the_catalogue_may_be_a_copy(copied: Bench) -> None:
    first = copied.lock(LION.replace("models.lion", 'models."qwen3-1.7b"'))

    assert only(copied.lock(NAME, first)).request.catalog == "qwen3-1.7b"
    assert copied.chest.unpacked == 1


def test_an_origin_that_works_leaves_the_copy_alone(copied: Bench, llama: bytes) -> None:
    copied.hub.files[REPO] = {FILE: llama}

    copied.lock(NAME + LION)

    assert (copied.chest.looked, said(copied)) == (0, [])


def test_what_is_locked_is_not_replaced_when_its_origin_fails(copied: Bench, llama: bytes) -> None:
    copied.hub.files[REPO] = {FILE: llama + b"pinned"}
    copied.disk.files["chat.jinja"] = {"chat.jinja": b"{{ messages }}"}
    first = copied.lock(f'{NAME}chat-template = "chat.jinja"\n')
    copied.hub.files.clear()

    with pytest.raises(EaiError, match="there is no hf://"):
        copied.lock(NAME, first)
    assert copied.chest.looked == 0


@pytest.mark.parametrize(
    "own",
    ['lora = [{ hf = "zoo/gone", file = "x.gguf" }]\n', 'chat-template = "gone.jinja"\n'],
)
def test_the_copy_is_not_taken_for_what_is_ones_own(copied: Bench, llama: bytes, own: str) -> None:
    copied.hub.files[REPO] = {FILE: llama}

    with pytest.raises(EaiError, match="gone"):
        copied.lock(NAME + own)
    assert copied.chest.looked == 0


def test_an_origin_that_gives_something_else_is_no_failure_of_the_origin(copied: Bench) -> None:
    copied.hub.files[REPO] = {FILE: b"GGUF of no kind"}

    with pytest.raises(ZoofileError, match="qwen3"):
        copied.lock(NAME)
    assert copied.chest.looked == 0


def test_two_failures_are_one_error_that_names_both(copied: Bench) -> None:
    copied.chest.breaks = True

    with pytest.raises(SourcesExhausted) as caught:
        copied.lock(NAME)

    assert caught.value.message.splitlines() == [
        f"qwen3-1.7b: there is no {REPO}",
        f"  and its preserved copy ipfs://{CID} failed: the rest is gone",
    ]
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("check the name; or give it an origin of its own")


def test_a_full_disk_stays_one(copied: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: object, size: int) -> None:
        raise NoSpace(f"no room for {size} bytes", hint="make room")

    monkeypatch.setattr("zoo.store.Store.require", full)
    with pytest.raises(NoSpace, match=f"there is no {REPO}"):
        copied.lock(NAME)


def test_a_copy_without_the_projector_is_not_the_model(copied: Bench, write: Callable[..., bytes]) -> None:
    with pytest.raises(SourcesExhausted, match="it holds no projector"):
        copied.lock(EYES)
    copied.chest.members.append(("mmproj-lion.gguf", "mmproj", write("clip")))

    assert [file.path for file in only(copied.lock(EYES)).files()] == ["lion.gguf", "mmproj-lion.gguf"]


def test_a_copy_in_shards_keeps_its_pins_when_its_parts_change(
    bench: Bench, shards: tuple[bytes, ...]
) -> None:
    names = [f"x-{at:05d}-of-00003.gguf" for at in (1, 2, 3)]
    bench.chest.members = [(name, "weights", data) for name, data in zip(names, shards, strict=True)]
    bench.disk.files["chat.jinja"] = {"chat.jinja": b"{{ messages }}"}
    first = bench.lock(NAME)

    second = bench.lock(f'{NAME}chat-template = "chat.jinja"\n', first)

    assert only(second).weights == only(first).weights
    assert bench.chest.unpacked == 1


def test_several_models_that_fail_are_replaced_in_their_order(copied: Bench) -> None:
    names = ("qwen3-8b", "qwen3-1.7b", "qwen3-4b")

    copied.lock("".join(f'[models."{name}"]\n' for name in names))

    assert [line.partition(":")[0] for line in said(copied)] == list(names)


def test_models_for_other_engines_are_refused_as_before(copied: Bench) -> None:
    with pytest.raises(ZoofileError, match="is for mlx-flux"):
        copied.lock("[models.flux-schnell]\n")
    assert copied.chest.looked == 0

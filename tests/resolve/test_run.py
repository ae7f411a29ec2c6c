"""Locking without a network: what is kept, what is looked up again, and that it comes out the same."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable

import pytest
from msgspec.structs import replace
from support.locking import CUB, LION, REPO, TAIL, Bench, only
from support.shelf import Shelf, digest_of

from zoo.lock.toml import dumps
from zoo.sources.base import Found
from zoo.zoofile.model import Origin


def test_a_model_is_locked_from_the_beginning_of_its_file_alone(
    bench: Bench, shapes: Callable[..., bytes]
) -> None:
    lock = bench.lock(LION)

    model, data = only(lock), shapes() + TAIL
    assert [(file.path, file.digest) for file in model.weights] == [("lion.gguf", digest_of(data))]
    assert (model.facts.architecture, model.facts.quantisation, model.facts.kv_token) == ("llama", "F32", 256)
    assert (model.settings.task, model.settings.main, model.settings.context_length) == ("chat", True, 4096)
    assert model.memory > len(data) + 4096 * 256
    artifact = lock.artifacts()[digest_of(data)]
    assert (artifact.size, artifact.hf) == (len(data), (f"hf://{REPO}@{'a' * 40}/lion.gguf",))
    assert bench.hub.sent < len(data) // 8
    assert not bench.store.has(digest_of(data))


def test_locking_again_asks_nobody_and_changes_nothing(bench: Bench) -> None:
    first = bench.lock(LION + CUB)
    bench.asked()

    assert bench.lock(LION + CUB, first) == first
    assert bench.asked() == 0


def test_a_changed_setting_asks_nobody(bench: Bench) -> None:
    first = bench.lock(LION)
    bench.asked()

    second = bench.lock(LION + "context-length = 1024\n", first)

    assert bench.asked() == 0
    assert only(second).settings.context_length == 1024
    assert only(second).memory == only(first).memory - 3072 * 256
    assert second.artifact == first.artifact


def test_what_was_uploaded_since_moves_only_what_is_new(bench: Bench, shapes: Callable[..., bytes]) -> None:
    first = bench.lock(LION)
    bench.hub.commit = "b" * 40
    bench.hub.files[REPO]["lion.gguf"] = shapes(blocks=3)
    bench.asked()

    second = bench.lock(LION + CUB, first)

    lion = next(model for model in second.model if model.name == "lion")
    assert lion == only(first)
    assert [origin.file for origin in bench.hub.asked] == ["cub.gguf"]
    assert {artifact.hf[0].split("@")[1][0] for artifact in second.artifact if artifact.hf} == {"a", "b"}


def test_one_model_is_upgraded_and_the_others_stay(bench: Bench, shapes: Callable[..., bytes]) -> None:
    first = bench.lock(LION + CUB)
    bench.hub.commit = "b" * 40
    bench.hub.files[REPO] = {"lion.gguf": shapes(blocks=3), "cub.gguf": shapes(blocks=4)}
    bench.asked()

    second = bench.lock(LION + CUB, first, models=frozenset({"lion"}))

    [cub, lion] = second.model
    assert cub == first.model[0]
    assert lion.weights[0].digest == digest_of(shapes(blocks=3))
    assert bench.asked() == 1
    assert digest_of(shapes() + TAIL) not in second.artifacts()


def test_upgrading_everything_asks_for_everything(bench: Bench) -> None:
    first = bench.lock(LION + CUB)
    bench.workshop.version = "b2"
    bench.asked()

    second = bench.lock(LION + CUB, first, everything=True)

    assert bench.asked() == 3
    assert [toolchain.version for toolchain in second.toolchain] == ["b2"]


def test_a_new_commit_with_the_same_bytes_changes_nothing(bench: Bench) -> None:
    first = bench.lock(LION)
    bench.hub.commit = "b" * 40

    assert bench.lock(LION, first, everything=True) == first


def test_sources_that_were_added_to_a_lock_stay_in_it(bench: Bench) -> None:
    first = bench.lock(LION)
    preserved = "ipfs://bafkreib6pws5dx5ur6exbhulmf35twfcizdkxvup4cklzprlvaervfz5zy"
    with_ipfs = replace(
        first,
        artifact=tuple(replace(each, ipfs=(preserved,)) if each.hf else each for each in first.artifact),
    )

    again = bench.lock(LION, with_ipfs)
    upgraded = bench.lock(LION, with_ipfs, everything=True)

    assert again == upgraded == with_ipfs


def test_one_file_from_two_places_is_one_artifact_with_both_sources(bench: Bench) -> None:
    bench.hub.files["mirror/lion"] = {"other-name.gguf": bench.hub.files[REPO]["lion.gguf"]}
    twin = '[models.twin]\nhf = "mirror/lion"\nfile = "other-name.gguf"\n'

    lock = bench.lock(LION + twin)

    [artifact] = [each for each in lock.artifact if each.hf]
    assert artifact.hf == (
        f"hf://mirror/lion@{'a' * 40}/other-name.gguf",
        f"hf://{REPO}@{'a' * 40}/lion.gguf",
    )


def test_what_no_model_uses_any_more_is_dropped(bench: Bench, shapes: Callable[..., bytes]) -> None:
    first = bench.lock(LION + CUB)

    second = bench.lock(LION, first)

    assert [model.name for model in second.model] == ["lion"]
    assert digest_of(shapes(blocks=1)) not in second.artifacts()


def test_a_model_whose_artifact_a_merge_lost_is_looked_up_again(bench: Bench) -> None:
    first = bench.lock(LION)
    broken = replace(first, artifact=tuple(each for each in first.artifact if not each.hf))

    assert bench.lock(LION, broken) == first


class Queue(Shelf):
    """A hub whose answers come in a given order of repositories."""

    order: tuple[str, ...] = ()

    def find(self, origin: Origin) -> tuple[Found, ...]:
        place = self.order.index(str(origin.hf))
        assert place == 0 or self.answered[place - 1].wait(10)
        found = super().find(origin)
        self.answered[place].set()
        return found

    def queue(self, order: tuple[str, ...]) -> None:
        self.order = order
        self.answered = [threading.Event() for _ in order]


@pytest.mark.parametrize("order", list(itertools.permutations(f"zoo/{index}" for index in range(4)))[::5])
def test_the_lock_does_not_depend_on_who_answers_first(bench: Bench, order: tuple[str, ...]) -> None:
    files = bench.hub.files[REPO]
    bench.hub.files = {f"zoo/{index}": dict(files) for index in range(4)}
    models = enumerate(("lion", "cub", "lion", "cub"))
    text = "".join(f'[models.m{at}]\nhf = "zoo/{at}"\nfile = "{name}.gguf"\n' for at, name in models)
    expected = bench.lock(text)
    hub = Queue(bench.hub.files)
    hub.queue(order)
    bench.hub = hub

    assert dumps(bench.lock(text)) == dumps(expected)


WEB = '[models.web]\nurl = "https://zoo.example/lion.gguf"\n'
ADDRESS = "https://zoo.example/lion.gguf"


def test_a_file_whose_digest_nobody_states_is_fetched_into_the_store(bench: Bench) -> None:
    data = bench.hub.files[REPO]["cub.gguf"]
    bench.web.files[ADDRESS] = {"lion.gguf": data}

    lock = bench.lock(WEB)

    assert bench.store.object(digest_of(data)).read_bytes() == data
    [artifact] = [each for each in lock.artifact if each.url]
    assert (artifact.digest, artifact.size, artifact.url) == (digest_of(data), len(data), (ADDRESS,))
    assert bench.web.opened == [ADDRESS]


def test_it_is_not_fetched_again_when_something_else_of_its_model_changes(bench: Bench) -> None:
    bench.web.files[ADDRESS] = {"lion.gguf": bench.hub.files[REPO]["cub.gguf"]}
    bench.disk.files["mine.jinja"] = {"mine.jinja": b"{{ messages }}"}
    first = bench.lock(WEB)
    bench.web.opened.clear()

    second = bench.lock(WEB + 'chat-template = "mine.jinja"\n', first)
    third = bench.lock(WEB, second)
    fourth = bench.lock(WEB, third, models=frozenset({"web"}))

    assert only(second).weights == only(first).weights
    assert [file.path for file in only(second).chat_template] == ["mine.jinja"]
    assert first == third == fourth
    assert bench.web.opened == [ADDRESS]


def test_two_models_of_one_address_fetch_it_once(bench: Bench) -> None:
    bench.web.files[ADDRESS] = {"lion.gguf": bench.hub.files[REPO]["cub.gguf"]}

    bench.lock(WEB + WEB.replace("web", "net"))

    assert bench.web.opened == [ADDRESS]


def test_a_toolchain_is_kept_until_its_request_changes(bench: Bench) -> None:
    first = bench.lock(LION)
    bench.workshop.version = "b2"
    bench.asked()

    kept = bench.lock(LION, first)
    upgraded = bench.lock(LION, first, toolchains=frozenset({"llama-cpp"}))
    changed = bench.lock(LION + '[toolchain.llama-cpp]\nversion = "b2"\n', first)

    assert kept == first
    assert [lock.toolchain[0].version for lock in (upgraded, changed)] == ["b2", "b2"]
    assert not any("b1" in uri for artifact in upgraded.artifact for uri in artifact.pypi)

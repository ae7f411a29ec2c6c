"""Which model answers: a table."""

from __future__ import annotations

import pytest
from support.bench import a_model

from zoo.serve.routing import NoRoute, Route, Router, shown

CID = "bafkreiacd5mwy4a5wkdmvxsk42nsupes5uf4q3dm52k36mvbhgdrez422y"
FIRST = a_model("first", aliases=(CID, "First-Q4_0.gguf"))
MAIN = a_model("main", main=True)
EMBED = a_model("embedder", task="embed")
ROUTER = Router((FIRST, MAIN, EMBED))


@pytest.mark.parametrize(
    "name",
    ["first", CID, FIRST.digest, FIRST.digest.hex, FIRST.digest.hex.upper(), "First-Q4_0.gguf"],
)
def test_a_model_answers_to_all_its_names(name: str) -> None:
    assert ROUTER.route(name, "chat") == Route(FIRST)


@pytest.mark.parametrize("name", [None, ""])
def test_the_main_model_answers_where_none_is_named(name: str | None) -> None:
    assert ROUTER.route(name, "chat") == Route(MAIN)


def test_the_main_model_answers_for_an_unknown_one_and_says_so() -> None:
    assert ROUTER.route("gpt-5", "chat") == Route(MAIN, "gpt-5 is not here")


def test_an_unknown_model_is_an_error_where_the_zoofile_says_so() -> None:
    strict = Router(ROUTER.models, "error")
    answer = strict.route("gpt-5", "chat")
    assert isinstance(answer, NoRoute)
    assert answer.code == "model_not_found"
    assert "first (chat), main (chat), embedder (embed)" in answer.message
    assert strict.route(None, "chat") == Route(MAIN)


def test_the_first_model_of_the_task_answers_for_one_of_another() -> None:
    assert ROUTER.route("embedder", "chat") == Route(FIRST, "embedder is for embed, not chat")
    assert ROUTER.route("first", "embed") == Route(EMBED, "first is for chat, not embed")


def test_the_first_model_of_the_task_answers_where_the_main_one_is_of_another() -> None:
    assert ROUTER.route(None, "embed") == Route(EMBED)
    assert ROUTER.route("gpt-5", "embed") == Route(EMBED, "gpt-5 is not here")


def test_no_model_of_the_task_is_an_error() -> None:
    answer = ROUTER.route("first", "image-generation")
    assert isinstance(answer, NoRoute)
    assert answer.code == "no_model_for_task"
    assert "image-generation" in answer.message


def test_any_model_will_do_where_the_endpoint_is_for_no_task() -> None:
    assert ROUTER.route("embedder", None) == Route(EMBED)
    assert ROUTER.route(None, None) == Route(MAIN)


def test_a_name_comes_before_another_models_alias() -> None:
    router = Router((a_model("a", aliases=("b",), main=True), a_model("b")))
    assert router.route("b", "chat") == Route(router.models[1])


def test_the_first_model_is_main_where_none_is_marked() -> None:
    assert Router((EMBED, FIRST)).main is EMBED


@pytest.mark.parametrize("name", ["a\r\nx-evil: 1", "é" * 200, "\0", "a" * 10_000])
def test_a_name_from_outside_is_safe_in_a_header(name: str) -> None:
    text = shown(name)
    assert text.isascii()
    assert text.isprintable()
    assert len(text) <= 100

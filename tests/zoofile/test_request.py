"""What a zoofile asks for has one form in the lock, however it was said."""

from __future__ import annotations

import pytest

from zoo.zoofile.model import Lora, Model, Origin, Request, Zoofile
from zoo.zoofile.request import main_model, mmproj_origin, request_of


def test_a_model_without_an_origin_is_the_catalogues() -> None:
    assert request_of("qwen3-1.7b", Model(main=True, parallel=2)) == Request(catalog="qwen3-1.7b")


def test_defaults_are_written_out_and_settings_left_out() -> None:
    model = Model(
        hf="o/r",
        file="f.gguf",
        mmproj="m.gguf",
        context_length=1,
        lora=(Lora(hf="o/l", file="l.gguf", scale=0.5), Lora(path="./x//l.gguf")),
    )

    assert request_of("a", model) == Request(
        hf="o/r",
        file="f.gguf",
        revision="main",
        mmproj="m.gguf",
        lora=(Origin(hf="o/l", file="l.gguf", revision="main"), Origin(path="x/l.gguf")),
    )


def test_two_ways_to_write_a_path_are_one_request() -> None:
    one = request_of("a", Model(path="./m/../m/a.gguf", mmproj="./p.gguf", chat_template="./t.jinja"))

    assert one == request_of("a", Model(path="m/a.gguf", mmproj="p.gguf", chat_template="t.jinja"))
    assert request_of("a", Model(path="../m/a.gguf")).path == "../m/a.gguf"


@pytest.mark.parametrize(
    ("model", "origin"),
    [
        (Model(path="a"), None),
        (Model(hf="o/r", file="f", revision="v1", mmproj="m"), Origin(hf="o/r", file="m", revision="v1")),
        (Model(path="a", mmproj="m"), Origin(path="m")),
        (Model(url="https://h/a", mmproj="https://h/m"), Origin(url="https://h/m")),
        (Model(bundled="a", mmproj="m"), Origin(bundled="m")),
    ],
)
def test_a_projector_comes_from_where_its_model_comes(model: Model, origin: Origin | None) -> None:
    assert mmproj_origin(request_of("a", model)) == origin


def test_the_main_model_is_the_declared_one_else_the_first() -> None:
    assert main_model(Zoofile(models={"a": Model(), "b": Model(main=True)})) == "b"
    assert main_model(Zoofile(models={"a": Model(), "b": Model()})) == "a"
    assert main_model(Zoofile()) is None

"""Edits touch the model they are about, and not a byte of anything else."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.errors import ZoofileError
from zoo.zoofile.edit import add_model, remove_model

TABLE = {"hf": "owner/repo", "file": "a.gguf", "main": True, "sampling": {"top-k": 20}}

FULL = """\
# Our zoo. Ask Ada before you change it.

[zoo]   # the project
name   = 'assistant'

[models.first]
hf = "a/b"   # from upstream
file = "x.gguf"
# file = "y.gguf"

# The one for code.
[models.second]
path = "s.gguf"

[models.second.sampling]
temperature = 0.5

[[models.second.lora]]
path = "l.gguf"

# How it is served.
[server]
port = 1
"""


def test_a_model_is_added_after_the_others_and_nothing_else_changes() -> None:
    got = add_model(FULL, "third", {"path": "t.gguf"})

    at = FULL.index("\n# How it is served.")
    assert got == FULL[:at] + '\n[models.third]\npath = "t.gguf"\n' + FULL[at:]


@pytest.mark.parametrize("end", ["", "\n", "\n\n# The end.\n"])
def test_remarks_under_the_last_model_stay_under_it(end: str) -> None:
    text = '[models.a]\npath = "x"\n# main = true' + end

    got = add_model(text, "b", {})

    assert got.startswith('[models.a]\npath = "x"\n# main = true\n\n[models.b]')
    assert remove_model(got, "b") == text


def test_a_model_goes_with_all_its_tables_and_every_remark_on_others_stays() -> None:
    got = remove_model(FULL, "second")

    start, stop = FULL.index("[models.second]"), FULL.index("\n# How it is served.")
    assert got == FULL[:start].replace("# The one for code.\n", "# The one for code.\n") + FULL[stop:]
    assert tomllib.loads(got)["models"] == {"first": {"hf": "a/b", "file": "x.gguf"}}


def test_a_removed_model_takes_the_remarks_inside_it_along() -> None:
    got = remove_model(FULL, "first")

    assert "y.gguf" not in got
    assert "# The one for code." in got


def test_a_name_that_needs_quotes_gets_them() -> None:
    got = add_model("", "qwen3-1.7b", {})

    assert got == '[models."qwen3-1.7b"]\n'
    assert remove_model(got, "qwen3-1.7b") == ""


def test_text_from_outside_cannot_break_out_of_its_value() -> None:
    got = add_model("", "a", {"path": 'x"\n[server]\nport = 1 # \\'})

    assert tomllib.loads(got) == {"models": {"a": {"path": 'x"\n[server]\nport = 1 # \\'}}}


def test_a_model_that_is_there_is_not_added_again() -> None:
    with pytest.raises(ZoofileError, match="there is a model `first` already"):
        add_model(FULL, "first", TABLE)


def test_a_model_that_is_not_there_is_not_removed_and_a_near_name_is_told() -> None:
    with pytest.raises(ZoofileError, match="no model `frist`") as caught:
        remove_model(FULL, "frist")
    assert caught.value.hint == "did you mean `first`?"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ('models.a.path = "x"\nmodels.b.path = "y"\n', 'models.b.path = "y"\n'),
        ('[models]\na.path = "x" # gone\na.main = true\nb.path = "y"\n', '[models]\nb.path = "y"\n'),
        (
            '[models]\na = { path = "x" }\n# stays\nb = { path = "y" }\n',
            '[models]\n# stays\nb = { path = "y" }\n',
        ),
        ('models = { a = { path = "x" }, b = { path = "y" } } # c\n', 'models = {b = { path = "y" } } # c\n'),
        ('[models.a]\nargs = [\n  "--x", # one\n]\n\n[models.b]\npath = "y"', '\n[models.b]\npath = "y"'),
    ],
)
def test_a_model_is_removed_however_it_is_written(text: str, left: str) -> None:
    got = remove_model(text, "a")

    assert tomllib.loads(got)["models"] == {"b": {"path": "y"}}
    assert got.replace(" ", "") == left.replace(" ", "")


PIECES = [
    "# a remark\n",
    "[ models . 'seven' ] # spaced\n# why\npath = 'p'\n# main = true\n",
    "\n",
    "  \n",
    '[zoo]\nname = "x" # named\n',
    "[server]\nport = 1\n# port = 2\n",
    '[models.one]\nhf = "a/b"\nfile = "f"\n',
    '[models.two]\npath = """\n[models.new]\n# no header\n"""\n# under two\n',
    '[models.one.sampling]\n"top-k" = 3\n',
    '[[models.one.lora]]\npath = "l"\n',
    "[toolchain.llama-cpp]\nvariant = { linux-x86_64 = 'cpu' }\nversion = 'latest'\n",
    '[models]\nthree = { path = "p" }\nfour.path = "q"\n',
    "[[unheard-of]]\nx = [\n  1, # one\n  2,\n]\n",
]
ROOTS = [
    "",
    "# top\n",
    'models.five.path = "z"\n',
    'models = { six = { path = "z" } }\n',
    "models = {}\n",
    "x = 1",
]


@st.composite
def documents(draw: st.DrawFn) -> str:
    text = draw(st.sampled_from(ROOTS)) + "\n" * draw(st.integers(0, 1))
    text += "".join(draw(st.lists(st.sampled_from(PIECES), max_size=7, unique=True)))
    if draw(st.booleans()):
        text = text.removesuffix("\n")
    if draw(st.booleans()):
        text = text.replace("\n", "\r\n")
    return text


def _meaning(text: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None


@given(documents(), st.sampled_from(["new", "n.e w", "one.more"]))
def test_adding_then_removing_gives_back_the_very_bytes(text: str, name: str) -> None:
    meant = _meaning(text)
    if meant is None:
        return

    added = add_model(text, name, TABLE)

    assert tomllib.loads(added)["models"] == meant.get("models", {}) | {name: TABLE}
    assert ("\n" in added.replace("\r\n", "")) <= ("\r\n" not in text), "line ends stay of one kind"
    assert remove_model(added, name) == text


@given(documents(), st.data())
def test_removing_leaves_every_other_line_as_it_was(text: str, data: st.DataObject) -> None:
    meant = _meaning(text)
    names = sorted(meant["models"]) if meant and meant.get("models") else []
    if meant is None or not names:
        return
    name = data.draw(st.sampled_from(names))

    left = remove_model(text, name)

    del meant["models"][name]
    got = tomllib.loads(left)
    assert got | {"models": got.get("models", {})} == meant
    if name != "six":
        lines = iter([*text.split("\n"), ""])
        assert all(
            any(line.rstrip("\r") == other.rstrip("\r") for other in lines) for line in left.split("\n")
        )

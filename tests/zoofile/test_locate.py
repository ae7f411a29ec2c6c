"""The line of a key is found exactly, wherever TOML lets it stand."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.zoofile.locate import lines_of, statements

TEXT = '''\
# [a] is only a remark
a.b = 1

[c]
text = """
[d]
x = 1
"""
list = [  # not here
  { y = 1 },
  { z = 1 },
]
[[e]]
x = 1
[[e]]
x = 2
[d]
x = 3
"q.r" = { s = 1 }
'''


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        (("a",), 2),
        (("a", "b"), 2),
        (("c",), 4),
        (("c", "text"), 5),
        (("c", "list", 1, "z"), 9),
        (("d",), 17),
        (("d", "x"), 18),
        (("d", "q.r", "s"), 19),
        (("e",), 13),
        (("e", 0, "x"), 14),
        (("e", 1), 15),
        (("e", 1, "x"), 16),
        (("d", "missing"), 17),
        (("missing",), 1),
    ],
)
def test_a_key_is_found_on_its_line(keys: tuple[str | int, ...], line: int) -> None:
    assert lines_of(TEXT, [keys]) == [line]
    assert lines_of(TEXT.replace("\n", "\r\n"), [keys]) == [line]


def test_a_document_of_nothing_has_a_first_line() -> None:
    assert lines_of("", [("a",)]) == [1]


@given(
    st.permutations(["a = 1\n", "[b]\n", "c = '''\n[x]\n'''\n", "[[d]]\n", "# e\n", "\n", "f = [\n1,\n]\n"])
)
def test_statements_are_the_document_and_each_is_one_of_its_own(pieces: list[str]) -> None:
    found = statements("".join(pieces))

    assert [statement.text for statement in found] == pieces
    assert all(tomllib.loads(statement.text) is not None for statement in found)
    assert [s.stop for s in found[:-1]] == [s.start for s in found[1:]]

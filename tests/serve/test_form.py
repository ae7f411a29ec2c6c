"""Tests for taking forms apart."""

from __future__ import annotations

import time

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.serve.form import MOST_PARTS, Malformed, Part, parts

TYPE = "multipart/form-data; boundary=x"


def form(*heads: str, value: bytes = b"cat") -> bytes:
    """A form of parts with these heads."""
    return b"".join(b"--x\r\n%s\r\n\r\n%s\r\n" % (head.encode(), value) for head in heads) + b"--x--\r\n"


def named(name: str) -> str:
    return f'Content-Disposition: form-data; name="{name}"'


@given(st.dictionaries(st.from_regex(r"[a-z\[\]]{1,9}", fullmatch=True), st.binary(), min_size=1, max_size=9))
def test_what_a_client_sends_comes_out_again(values: dict[str, bytes]) -> None:
    request = httpx2.Request(
        "POST", "http://x", files={name: ("f.png", data) for name, data in values.items()}
    )
    found = parts(request.read(), request.headers["Content-Type"])
    assert list(found) == [Part(name, data) for name, data in values.items()]


def test_what_stands_around_it_means_nothing() -> None:
    body = b"to whom it may concern\r\n" + form(named("a"), value=b"") + b"yours"
    assert list(parts(body, 'Multipart/Form-Data; charset=utf-8; boundary="x"')) == [Part("a", b"")]


def test_a_mark_counts_at_the_beginning_of_a_line_only() -> None:
    assert list(parts(form(named("a"), value=b"a --x--\n--x\r-"), TYPE)) == [Part("a", b"a --x--\n--x\r-")]


def test_names_may_be_quoted() -> None:
    heads = (named("a;b"), "content-disposition:form-data;name=c", named('say \\"d\\"'))
    assert [name for name, _ in parts(form(*heads), TYPE)] == ["a;b", "c", 'say "d"']


@pytest.mark.parametrize(
    ("body", "content_type", "says"),
    [
        (form(named("a")), "multipart/form-data", "boundary"),
        (form(named("a")), 'multipart/form-data; boundary=""', "boundary"),
        (form(named("a")), "multipart/form-data; boundary=" + "x" * 71, "boundary"),
        (form(named("a")), "application/json; boundary=x", "multipart/form-data"),
        (form(named("a")), "", "multipart/form-data"),
        (form(named("a")), "multipart/form-data; boundary=y", "end is missing"),
        (form(named("a"))[:-8], TYPE, "end is missing"),
        (b"", TYPE, "end is missing"),
        (form(*[named("a")] * (MOST_PARTS + 1)), TYPE, f"more than {MOST_PARTS} parts"),
        (form("X-A: b"), TYPE, "no name"),
        (form("Content-Disposition: form-data"), TYPE, "no name"),
        (form('Content-Disposition: attachment; name="a"'), TYPE, "no name"),
        (form("no colon"), TYPE, "no name"),
        (form(f"{named('a')}\r\nX-A: {'b' * 9000}"), TYPE, "too long"),
        (form(f"{named('a')}" + "\r\nX-A: b" * 9000), TYPE, "too long"),
        (b"--xyz\r\n" + form(named("a")), TYPE, "no end"),
        (b"--x--x\r\n" + form(named("a")), TYPE, "no end"),
        (b"--x\r\n\r\n--x--\r\n", TYPE, "no end"),
        (form(f"{named('a')}\r\nContent-Transfer-Encoding: base64"), TYPE, "'a' is encoded"),
    ],
)
def test_what_is_no_form_is_told(body: bytes, content_type: str, says: str) -> None:
    with pytest.raises(Malformed, match=says):
        list(parts(body, content_type))


@given(st.binary(), st.text(max_size=90))
def test_whatever_comes_is_a_form_or_told(body: bytes, boundary: str) -> None:
    for each in (body, b"--x\r\n" + body + b"\r\n--x--", form(named("a")) + body):
        for content_type in (TYPE, f"multipart/form-data; boundary={boundary}"):
            try:
                list(parts(each, content_type))
            except Malformed:
                continue


def test_millions_of_lines_take_no_time() -> None:
    began = time.process_time()
    assert list(parts(b"\r\n" * (1 << 24) + form(named("a")), TYPE)) == [Part("a", b"cat")]
    assert time.process_time() - began < 1

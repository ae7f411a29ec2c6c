"""Files over HTTP, from servers that lie."""

from __future__ import annotations

import threading

import httpx2
import pytest
from support.lying import (
    Answer,
    Asked,
    Server,
    Wire,
    cut_after,
    honest,
    in_turn,
    rangeless,
    redirect,
    serving,
    status,
)

from zoo.errors import AccessDenied, Interrupted, NotThere, SizeMismatch, SourceChanged, SourceError
from zoo.sources.http import HttpDownload, Patience, new_client, open_url

DATA = bytes(range(256)) * 1000


def read(download: HttpDownload, start: int = 0, stop: int | None = None) -> tuple[int, bytes]:
    with download.read(start, stop) as body:
        return body.start, b"".join(body.chunks)


def fetched(
    client: httpx2.Client,
    url: str,
    start: int = 0,
    stop: int | None = None,
    *,
    patience: Patience | None = None,
) -> tuple[int, bytes]:
    with open_url(client, url, size=len(DATA), patience=patience) as download:
        return read(download, start, stop)


def says(code: int, body: bytes = b"", **headers: object) -> Answer:
    def answer(asked: Asked, wire: Wire) -> None:
        # Said, so that the client does not race for the connection that is about to end.
        wire.head(code, Connection="close", **headers)
        wire.body(body)
        wire.cut()

    return answer


def test_a_range_is_given_as_it_was_asked_for(server: Server, client: httpx2.Client) -> None:
    assert fetched(client, server.on("/f", honest(DATA)), 100, 300) == (100, DATA[100:300])
    assert server.asked[0].headers["range"] == "bytes=100-299"
    assert server.asked[0].headers["accept-encoding"] == "identity"


def test_the_whole_file_is_asked_for_without_a_range(server: Server, client: httpx2.Client) -> None:
    assert fetched(client, server.on("/f", honest(DATA))) == (0, DATA)
    assert "range" not in server.asked[0].headers


def test_a_file_of_unknown_size_tells_it_with_its_first_answer(server: Server, client: httpx2.Client) -> None:
    with open_url(client, server.on("/f", honest(DATA)), size=None) as download:
        assert download.size is None
        read(download, 10, 20)
        assert (download.size, download.validator) == (len(DATA), '"1"')


def test_a_server_that_ignores_ranges_begins_at_zero(server: Server, client: httpx2.Client) -> None:
    assert fetched(client, server.on("/f", rangeless(DATA)), 100, 300) == (0, DATA)


@pytest.mark.parametrize(
    "content_range",
    [
        "bytes 101-299/256000",
        "bytes 100-298/256000",
        "bytes 100-300/256000",
        "bytes 0-199/256000",
        "bytes 100-299",
        "bytes 100-299/256000, bytes 0-1/256000",
        "bytes -100-299/256000",
        "items 100-299/256000",
        "",
    ],
)
def test_a_206_must_bring_exactly_what_was_asked_for(
    server: Server, client: httpx2.Client, content_range: str
) -> None:
    url = server.on("/f", says(206, DATA[100:300], Content_Length=200, Content_Range=content_range))
    with pytest.raises(SourceError, match=r"206|asked for"):
        fetched(client, url, 100, 300)


def test_a_206_that_nobody_asked_for_is_refused(server: Server, client: httpx2.Client) -> None:
    url = server.on(
        "/f", says(206, DATA, Content_Length=len(DATA), Content_Range=f"bytes 0-{len(DATA) - 1}/{len(DATA)}")
    )
    with pytest.raises(SourceError, match="asked for all"):
        fetched(client, url)


def test_a_file_that_changes_between_two_ranges_is_noticed(server: Server, client: httpx2.Client) -> None:
    url = server.on("/f", in_turn(honest(DATA), honest(DATA, etag='"2"')))
    with open_url(client, url, size=len(DATA)) as download:
        read(download, 0, 100)
        with pytest.raises(SourceChanged):
            read(download, 100, 200)


def test_a_changed_time_is_noticed_where_there_is_no_etag(server: Server, client: httpx2.Client) -> None:
    first = says(200, DATA, Content_Length=len(DATA), Last_Modified="Sun, 22 Nov 2026 10:00:00 GMT")
    second = says(200, DATA, Content_Length=len(DATA), Last_Modified="Sun, 22 Nov 2026 10:00:01 GMT")
    with open_url(client, server.on("/f", in_turn(first, second)), size=len(DATA)) as download:
        read(download)
        with pytest.raises(SourceChanged):
            read(download)


def test_a_body_that_is_cut_is_an_interruption(server: Server, client: httpx2.Client) -> None:
    with pytest.raises(Interrupted, match="at byte"):
        fetched(client, server.on("/f", cut_after(DATA, 5000)))


def test_the_end_of_a_connection_is_no_end_of_a_file(server: Server, client: httpx2.Client) -> None:
    with pytest.raises(Interrupted, match="ended"):
        fetched(client, server.on("/f", says(200, DATA[:5000])))


def test_a_body_that_stalls_is_given_up(server: Server, client: httpx2.Client) -> None:
    def stalls(asked: Asked, wire: Wire) -> None:
        wire.head(200, Content_Length=len(DATA))
        wire.body(DATA[:1000])
        wire.hang()

    with pytest.raises(Interrupted, match="in time"):
        fetched(client, server.on("/f", stalls), patience=Patience(stall=0.3))


def test_a_server_that_never_answers_is_given_up(server: Server, client: httpx2.Client) -> None:
    url = server.on("/f", lambda asked, wire: wire.hang())
    with pytest.raises(Interrupted, match="in time"):
        fetched(client, url, patience=Patience(first=0.3))


def test_the_body_may_pause_longer_than_the_beginning_may(server: Server, client: httpx2.Client) -> None:
    url = server.on("/f", honest(DATA, portion=len(DATA) // 2 + 1, pause=1.3))
    with open_url(client, url, size=len(DATA), patience=Patience(first=1, stall=20)) as download:
        assert read(download) == (0, DATA)


def test_a_host_that_cannot_be_reached_is_an_interruption(client: httpx2.Client) -> None:
    with serving() as gone:
        url = gone.url("/f")
    with pytest.raises(Interrupted, match="no connection"):
        fetched(client, url)


@pytest.mark.parametrize("length", [len(DATA) - 1, len(DATA) + 1])
def test_another_length_is_refused_before_a_byte_is_read(
    server: Server, client: httpx2.Client, length: int
) -> None:
    url = server.on("/f", says(200, Content_Length=length))
    with pytest.raises(SizeMismatch, match="expected"):
        fetched(client, url)


def _chunked(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n0\r\n\r\n" % (len(data), data)


def test_more_bytes_than_promised_are_cut_off(server: Server, client: httpx2.Client) -> None:
    url = server.on("/f", says(200, _chunked(DATA + b"more"), Transfer_Encoding="chunked"))
    with pytest.raises(SizeMismatch, match="more than"):
        fetched(client, url)


def test_an_answer_that_ends_early_and_cleanly_has_the_wrong_size(
    server: Server, client: httpx2.Client
) -> None:
    url = server.on("/f", says(200, _chunked(DATA[:-1]), Transfer_Encoding="chunked"))
    with pytest.raises(SizeMismatch, match="ends after"):
        fetched(client, url)


def test_after_a_416_the_whole_file_is_asked_for_once(server: Server, client: httpx2.Client) -> None:
    url = server.on("/f", in_turn(status(416), rangeless(DATA)))
    assert fetched(client, url, 100, 300) == (0, DATA)
    assert [asked.range for asked in server.asked] == [(100, 300), None]


def test_a_416_that_tells_another_size_says_what_is_wrong(server: Server, client: httpx2.Client) -> None:
    with pytest.raises(SizeMismatch, match="has 90 bytes"):
        fetched(client, server.on("/f", honest(DATA[:90])), 100, 300)


def test_a_server_that_answers_everything_with_416_is_given_up(server: Server, client: httpx2.Client) -> None:
    url = server.on("/f", status(416))
    with pytest.raises(SourceError, match="416"):
        fetched(client, url, 100, 300)
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        (401, AccessDenied, "credentials"),
        (403, AccessDenied, "refuses access"),
        (404, NotThere, "no such file"),
        (410, NotThere, "no longer"),
        (429, Interrupted, "too often"),
        (451, AccessDenied, "legal"),
        (500, Interrupted, "problem of its own"),
        (503, Interrupted, "problem of its own"),
        (418, SourceError, "418"),
    ],
)
def test_each_refusal_has_its_own_message(
    server: Server, client: httpx2.Client, code: int, kind: type[SourceError], words: str
) -> None:
    with pytest.raises(kind, match=words) as caught:
        fetched(client, server.on("/f", status(code)))
    assert type(caught.value) is kind


def test_a_server_may_say_when_to_come_back(server: Server, client: httpx2.Client) -> None:
    with pytest.raises(Interrupted) as caught:
        fetched(client, server.on("/f", status(429, Retry_After="7")))
    assert caught.value.retry_after == 7


def test_a_compressed_answer_is_refused(server: Server, client: httpx2.Client) -> None:
    url = server.on("/f", says(200, DATA, Content_Length=len(DATA), Content_Encoding="gzip"))
    with pytest.raises(SourceError, match="gzip"):
        fetched(client, url)


def test_a_token_goes_to_the_first_host_only(server: Server, client: httpx2.Client) -> None:
    with serving() as other:
        there = other.on("/file", honest(DATA))
        url = server.on("/f", redirect(there))
        with open_url(client, url, size=len(DATA), headers={"Authorization": "Bearer secret"}) as download:
            assert read(download, 5, 9) == (5, DATA[5:9])
        assert server.asked[0].headers["authorization"] == "Bearer secret"
        assert other.asked[0].range == (5, 9)
        assert not any("secret" in str(asked.headers) for asked in other.asked)


def test_a_token_that_cannot_be_sent_is_not_shown(server: Server, client: httpx2.Client) -> None:
    headers = {"Authorization": "Bearer sec\nret"}
    url = server.on("/f", honest(DATA))
    with (
        open_url(client, url, size=len(DATA), headers=headers) as download,
        pytest.raises(SourceError, match="token") as caught,
    ):
        read(download)
    assert "sec" not in caught.value.message


def test_a_token_does_not_even_follow_to_the_same_host(server: Server, client: httpx2.Client) -> None:
    server.on("/file", honest(DATA))
    url = server.on("/f", redirect("/file"))
    with open_url(client, url, size=len(DATA), headers={"Authorization": "Bearer secret"}) as download:
        assert read(download) == (0, DATA)
    assert [asked.headers.get("authorization") for asked in server.asked] == ["Bearer secret", None]


def test_where_a_redirect_led_is_remembered_until_it_fails(server: Server, client: httpx2.Client) -> None:
    server.on("/old", in_turn(honest(DATA), status(403)))
    server.on("/new", honest(DATA))
    url = server.on("/f", in_turn(redirect("/old"), redirect("/new")))
    with open_url(client, url, size=len(DATA)) as download:
        for start in (0, 10, 20):
            assert read(download, start, start + 10)[1] == DATA[start : start + 10]
    assert [asked.path for asked in server.asked] == ["/f", "/old", "/old", "/f", "/new", "/new"]


def test_endless_redirects_end(server: Server, client: httpx2.Client) -> None:
    with pytest.raises(SourceError, match="redirects"):
        fetched(client, server.on("/f", redirect("/f")))
    assert len(server.asked) == 10


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://host/f", "mailto:someone"])
def test_redirects_lead_to_web_addresses_only(server: Server, client: httpx2.Client, target: str) -> None:
    with pytest.raises(SourceError, match="redirects to"):
        fetched(client, server.on("/f", redirect(target)))


def test_https_never_becomes_http() -> None:
    moved = httpx2.MockTransport(lambda request: httpx2.Response(302, headers={"Location": "http://a/f"}))
    with httpx2.Client(transport=moved) as client, pytest.raises(SourceError, match="https to http"):
        fetched(client, "https://a/f")


def test_cookies_are_not_kept(server: Server) -> None:
    url = server.on("/f", honest(DATA))
    server.on("/set", redirect("/f"))
    server.answers["/set"] = status(302, Location=url, Set_Cookie="id=1; Path=/")
    with new_client() as client, open_url(client, server.url("/set"), size=len(DATA)) as download:
        read(download)
    assert "cookie" not in server.asked[1].headers


def test_closing_wakes_a_reader_in_another_thread(server: Server, client: httpx2.Client) -> None:
    begun = threading.Event()

    def stalls(asked: Asked, wire: Wire) -> None:
        wire.head(200, Content_Length=len(DATA))
        wire.body(DATA[:1000])
        wire.hang()

    errors: list[BaseException] = []
    with open_url(client, server.on("/f", stalls), size=len(DATA), patience=Patience(stall=60)) as download:

        def reader() -> None:
            try:
                with download.read(0, None) as body:
                    for _ in body.chunks:
                        begun.set()
            except Interrupted as error:
                errors.append(error)

        thread = threading.Thread(target=reader)
        thread.start()
        assert begun.wait(10)
    thread.join(10)
    assert not thread.is_alive()
    assert len(errors) == 1


def test_nothing_is_read_after_closing(server: Server, client: httpx2.Client) -> None:
    with open_url(client, server.on("/f", honest(DATA)), size=len(DATA)) as download:
        pass
    with pytest.raises(Interrupted):
        read(download)


@pytest.mark.parametrize("url", ["http://[::1", "http://a b/"])
def test_an_impossible_address_is_a_failing_source(client: httpx2.Client, url: str) -> None:
    with pytest.raises(SourceError):
        fetched(client, url)

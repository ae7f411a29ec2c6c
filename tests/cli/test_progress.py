"""What a person sees while fetching."""

from __future__ import annotations

import io

import pytest

from zoo.cli import progress
from zoo.cli.output import Output
from zoo.cli.progress import shown
from zoo.digest import Digest
from zoo.fetch.events import Advanced, Event, Failed, Finished, Retrying, Started, Waiting, WrongBytes

DIGEST = Digest("sha256:" + "a" * 64)
MB = 1_000_000


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def lines(events: list[Event], *, quiet: bool = False, step: float = 0.1) -> list[str]:
    out, clock = Output(io.StringIO(), io.StringIO(), quiet), Clock()
    with shown(out, total=100 * MB, clock=clock) as tell:
        for event in events:
            clock.now += step
            tell(event)
    assert isinstance(out.talk, io.StringIO)
    return out.talk.getvalue().splitlines()


def started(held: int = 0) -> Started:
    return Started(digest=DIGEST, name="m.gguf", size=100 * MB, held=held, source="https://host/m.gguf")


def advanced(count: int = MB) -> Advanced:
    return Advanced(digest=DIGEST, name="m.gguf", size=count)


def test_without_a_terminal_there_is_a_line_for_every_tenth() -> None:
    said = lines([started(), *[advanced()] * 100, Finished(digest=DIGEST, name="m.gguf", size=100 * MB)])
    assert said[0] == "fetching m.gguf (100.0 MB) from https://host/m.gguf"
    assert [line.split(",")[0] for line in said[1:-1]] == [
        f"{tenth * 10}.0 MB of 100.0 MB ({tenth * 10} %)" for tenth in range(1, 11)
    ]
    assert said[-1] == "fetched m.gguf (100.0 MB)"


def test_a_slow_download_gives_a_sign_every_ten_seconds() -> None:
    said = lines([started(), *[advanced(1000)] * 30], step=1)
    assert len(said) == 1 + 3


def test_what_was_there_already_counts() -> None:
    said = lines([started(held=50 * MB), advanced()])
    assert "50.0 MB of it here" in said[0]
    assert said[1] == "51.0 MB of 100.0 MB (51 %), 5.0 MB/s"


def test_what_goes_wrong_on_the_way_is_said() -> None:
    about = {"digest": DIGEST, "name": "m.gguf"}
    said = lines(
        [
            Waiting(**about, process=77),
            Retrying(**about, source="s", reason="cut", delay=2.0),
            Failed(**about, source="s", reason="gone"),
            WrongBytes(**about, source="https://bad", reason="expected a, received b"),
        ]
    )
    assert said[0] == "m.gguf: process 77 is fetching it; waiting"
    assert said[1] == "m.gguf: cut; trying again in 2.0 s"
    assert said[2] == "m.gguf: gone"
    assert said[3].startswith("warning: m.gguf: https://bad gave wrong bytes")


def test_quiet_leaves_only_warnings() -> None:
    about = {"digest": DIGEST, "name": "m.gguf"}
    said = lines([started(), advanced(), WrongBytes(**about, source="u", reason="r")], quiet=True)
    assert len(said) == 1
    assert said[0].startswith("warning:")


def test_on_a_terminal_there_are_bars_of_what_is_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", "xterm")
    out = Output(io.StringIO(), Terminal())
    with shown(out, total=100 * MB) as tell:
        for event in (
            started(),
            advanced(),
            WrongBytes(digest=DIGEST, name="[m]", source="u", reason="r"),
            Failed(digest=DIGEST, name="[m]", source="u", reason="gone"),
            Finished(digest=DIGEST, name="m.gguf", size=100 * MB),
        ):
            tell(event)
    text = out.talk.getvalue()  # type: ignore[attr-defined] - it is a Terminal
    for words in ("total", "m.gguf", "warning: [m]", "[m]: gone", "fetched m.gguf"):
        assert words in text


def test_a_file_without_a_digest_is_shown_by_its_name() -> None:
    said = lines(
        [
            Started(digest=None, name="u", size=None, held=0, source="s"),
            Advanced(digest=None, name="u", size=50 * MB),
            Finished(digest=DIGEST, name="u", size=50 * MB),
        ]
    )
    assert said == ["fetching u from s", "50.0 MB of 100.0 MB (50 %), 250.0 MB/s", "fetched u (50.0 MB)"]


def test_all_files_that_have_begun_are_the_total_where_nobody_knows_it_before() -> None:
    tally = progress.Tally()
    assert tally.size is None
    tally.add(Started(digest=None, name="a", size=5, held=0, source="s"))
    assert tally.size == 5
    tally.add(Started(digest=None, name="b", size=None, held=0, source="s"))
    assert tally.size is None
    tally.add(Finished(digest=DIGEST, name="b", size=7))
    assert tally.size == 12

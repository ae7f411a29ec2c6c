"""config.toml is read strictly, and its absence is fine."""

from __future__ import annotations

from pathlib import Path

import pytest

from zoo.config import Config, Fetch, Ipfs, load, parse, path_of
from zoo.errors import EaiError


def test_without_a_file_everything_is_as_by_default(tmp_path: Path) -> None:
    assert load(tmp_path / "config.toml") == Config()


def test_all_that_can_be_said_is_read(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(
        '[ipfs]\ngateways = ["http://127.0.0.1:8080", "https://g.example/base"]\n'
        'routing = "https://routing.example"\n[fetch]\npeers = ["http://nas.lan:8081"]\n'
    )
    assert load(path) == Config(
        ipfs=Ipfs(
            gateways=("http://127.0.0.1:8080", "https://g.example/base"), routing="https://routing.example"
        ),
        fetch=Fetch(peers=("http://nas.lan:8081",)),
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[ipfs]\ngatways = ["https://a.example"]', "config.toml:2: `ipfs.gatways` is not known"),
        ("[ipfs]\ngateways = []", "config.toml:2: `ipfs.gateways` is empty"),
        ('[ipfs]\ngateways = [\n"https://a.example",\n7]', "`ipfs.gateways[1]` cannot be so"),
        ('[ipfs]\nrouting = "ftp://a.example"', "config.toml:2: `ipfs.routing` cannot be"),
        ('[fetch]\npeers = ["https://me:secret@a.example"]', "config.toml:2: `fetch.peers[0]` cannot be"),
        ('[fetch]\npeers = ["https://a.example/?x=1"]', "config.toml:2: `fetch.peers[0]` cannot be"),
        ('[fetch]\npeers = "http://a.example"', "`fetch.peers` cannot be so"),
        ('[server]\napi-keys = "keys.toml"', "config.toml:2: `server.api-keys` cannot be"),
        ("x = 1", "config.toml:1: `x` is not known here"),
        ("[ipfs", "config.toml: "),
    ],
)
def test_what_cannot_be_is_named_with_its_line_and_key(text: str, said: str) -> None:
    with pytest.raises(EaiError) as caught:
        parse(text)
    assert said in caught.value.message


@pytest.mark.parametrize(
    "url",
    ["https://me:secret@a.example", "me:secret@a.example", "http://me:sec/secret@a.example:x", "@secret@h"],
)
def test_a_password_in_an_address_is_not_shown(url: str) -> None:
    with pytest.raises(EaiError) as caught:
        parse(f'[preserve.kubo]\napi = "{url}"')
    assert "secret" not in caught.value.message
    assert "…@" in caught.value.message
    assert "no password" in (caught.value.hint or "")


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(EaiError, match="no UTF-8"):
        load(tmp_path / "config.toml")
    with pytest.raises(EaiError, match="directory"):
        load(tmp_path)


def test_the_environment_may_name_the_file(tmp_path: Path) -> None:
    assert path_of({"EAI_CONFIG": str(tmp_path / "mine.toml")}) == tmp_path / "mine.toml"
    assert path_of({}).name == "config.toml"

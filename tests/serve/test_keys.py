"""API keys: where they come from."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from zoo.errors import EaiError
from zoo.serve.keys import Key, Keyring, load

HASH = hashlib.sha256(b"bob's").hexdigest()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "keys.toml"
    path.touch(0o600)
    return path


def test_nothing_set_is_no_key() -> None:
    assert load({}, None) == ()
    assert load({"EAI_API_KEY": ""}, None) == ()


def test_a_variable_that_is_set_and_holds_no_key_opens_nothing() -> None:
    with pytest.raises(EaiError, match="holds no key"):
        load({"EAI_API_KEY": " , "}, None)


def test_keys_of_the_environment_stand_between_commas() -> None:
    ring = Keyring(load({"EAI_API_KEY": "one, two"}, None))
    assert ring.find("one") is not None
    assert ring.find("two") is not None
    assert ring.find("one, two") is None


def test_a_file_names_keys_and_what_they_may(file: Path) -> None:
    file.write_text(
        '[keys.alice]\nkey = "alice-1"\nrequests-per-minute = 60\nconcurrent = 2\nmodels = ["toy"]\n'
        f'[keys.bob]\nsha256 = "{HASH}"\n'
    )
    alice, bob = load({"EAI_API_KEYS_FILE": str(file)}, None)
    assert (alice.name, alice.requests_per_minute, alice.concurrent, alice.models) == (
        "alice",
        60,
        2,
        ("toy",),
    )
    assert Keyring((alice, bob)).find("alice-1") is alice
    assert Keyring((alice, bob)).find("bob's") is bob
    assert bob == Key.of("bob", "bob's")
    assert "alice-1" not in repr(alice)


def test_the_environment_names_a_file_before_the_configuration(file: Path) -> None:
    file.write_text('[keys.a]\nkey = "a"\n')
    assert [key.name for key in load({}, str(file))] == ["a"]
    assert [key.name for key in load({"EAI_API_KEYS_FILE": str(file)}, "/nowhere")] == ["a"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is missing or empty"),
        ("[keys.a]\n", "must hold one of `key` and `sha256`"),
        (f'[keys.a]\nkey = "k"\nsha256 = "{HASH}"\n', "must hold one of"),
        ('[keys.a]\nkey = "a b"\n', "keys.a"),
        ('[keys.a]\nsha256 = "00"\n', "keys.a"),
        ('[keys.a]\nkey = "k"\nrequests-per-minute = 0\n', "requests-per-minute"),
        ('[keys.a]\nkey = "k"\nadmin = true\n', "admin"),
        ('[keys.a]\nkey = "k"\n[keys.b]\nkey = "k"\n', "two API keys are the same"),
        ("[keys", "must be TOML|keys.toml"),
    ],
)
def test_a_file_that_cannot_be_is_an_error_that_says_where(file: Path, text: str, says: str) -> None:
    file.write_text(text)
    with pytest.raises(EaiError, match=says):
        load({}, str(file))


@pytest.mark.parametrize("mode", [0o604, 0o644, 0o602, 0o620, 0o601])
def test_a_file_that_is_open_to_others_is_refused(file: Path, mode: int) -> None:
    file.write_text('[keys.a]\nkey = "a"\n')
    file.chmod(mode)
    with pytest.raises(EaiError, match="other users may read or change") as caught:
        load({}, str(file))
    assert caught.value.hint == f"run `chmod 600 {file}`"


def test_a_group_may_read_a_file_as_secrets_are_mounted(file: Path) -> None:
    file.write_text('[keys.a]\nkey = "a"\n')
    file.chmod(0o440)
    assert len(load({}, str(file))) == 1


def test_a_file_that_is_not_there_or_no_text_is_an_error(file: Path) -> None:
    with pytest.raises(EaiError, match="cannot read the API keys in /nowhere"):
        load({}, "/nowhere")
    file.write_bytes(b"\xff")
    with pytest.raises(EaiError, match="no UTF-8"):
        load({}, str(file))
    file.write_bytes(b"#" * (2**20 + 1))
    with pytest.raises(EaiError, match="more than"):
        load({}, str(file))


def test_a_key_that_no_header_can_carry_is_an_error() -> None:
    with pytest.raises(EaiError, match="no header can carry"):
        load({"EAI_API_KEY": "a b"}, None)

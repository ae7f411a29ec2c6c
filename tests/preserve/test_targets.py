"""Targets by their names: what config.toml and the environment say, and what is missing."""

from __future__ import annotations

import base64
from collections.abc import Callable

import httpx2
import pytest
from support.answering import Service, reply

from zoo import config
from zoo.errors import AccessDenied, EaiError, TargetError
from zoo.preserve.retry import Patience
from zoo.preserve.sample import Sample
from zoo.preserve.target import Target
from zoo.preserve.targets import Means, Where, make

Make = Callable[..., tuple[Target, ...]]


@pytest.fixture
def made(client: httpx2.Client, patience: Patience) -> Make:
    def made(*names: str, text: str = "", **env: str) -> tuple[Target, ...]:
        means = Means(
            config=config.parse(text).preserve,
            env=env,
            client=lambda: client,
            patience=patience,
            sample=Sample(),
        )
        return make([Where(name) for name in names], means)

    return made


@pytest.mark.parametrize(
    ("auth", "header"),
    [
        ("bearer:abc", "Bearer abc"),
        ("basic:me:a:b", "Basic " + base64.b64encode(b"me:a:b").decode()),
        ("basic:mé:\udcff", "Basic " + base64.b64encode(b"m\xc3\xa9:\xff").decode()),
        ("", None),
    ],
)
def test_kubo_is_let_in_as_it_wants(made: Make, service: Service, auth: str, header: str | None) -> None:
    service.on("/api/v0/version", reply({"Version": "0.42.0"}))
    service.on("/api/v0/pin/ls", reply({"Message": "path is not pinned"}, 500))
    made("kubo", EAI_KUBO_API=service.url, EAI_KUBO_AUTH=auth)[0].ready([].append)
    assert {request.headers.get("Authorization") for request in service.asked} == {header}


def test_the_environment_goes_before_config_toml(made: Make, service: Service) -> None:
    service.on("/api/v0/version", reply({"Version": "0.42.0"}))
    service.on("/api/v0/pin/ls", reply({"Message": "path is not pinned"}, 500))
    text = f'[preserve.kubo]\napi = "{service.url}"\nauth = "bearer:abc"'
    made("kubo", text=text)[0].ready([].append)
    assert service.asked[-1].headers["Authorization"] == "Bearer abc"
    made("kubo", text=text, EAI_KUBO_AUTH="bearer:xyz")[0].ready([].append)
    assert service.asked[-1].headers["Authorization"] == "Bearer xyz"


def test_a_target_that_is_named_twice_is_one(made: Make) -> None:
    assert [target.label for target in made("kubo", "kubo")] == ["kubo"]


@pytest.mark.parametrize(
    ("name", "env", "error", "said"),
    [
        ("kubo", {"EAI_KUBO_AUTH": "secret"}, TargetError, "no form that is known"),
        ("kubo", {"EAI_KUBO_AUTH": "basic:secret"}, TargetError, "no form that is known"),
        ("kubo", {"EAI_KUBO_AUTH": "bearer:a\nsecret"}, AccessDenied, "characters that none has"),
        ("kubo", {"EAI_KUBO_AUTH": "bearer:sécret"}, AccessDenied, "characters that none has"),
        ("kubo", {"EAI_KUBO_API": "http://me:secret@127.0.0.1"}, TargetError, "no web address"),
        ("pinning-service", {"EAI_PINNING_ENDPOINT": "https://:secret@x"}, AccessDenied, "TOKEN is not set"),
        ("lighthouse", {}, AccessDenied, "LIGHTHOUSE_API_KEY is not set"),
        ("lighthouse", {"LIGHTHOUSE_API_KEY": "a\nb"}, AccessDenied, "characters that none has"),
        ("pinning-service", {}, TargetError, "EAI_PINNING_ENDPOINT is empty"),
        ("pinning-service", {"EAI_PINNING_ENDPOINT": "https://x"}, AccessDenied, "EAI_PINNING_TOKEN is not"),
    ],
)
def test_what_is_missing_is_named_with_its_variable(
    made: Make, name: str, env: dict[str, str], error: type[EaiError], said: str
) -> None:
    with pytest.raises(error, match=said) as raised:
        made(name, **env)
    assert raised.value.hint
    assert "secret" not in f"{raised.value.message} {raised.value.hint}"


@pytest.mark.parametrize(
    "text",
    [
        '[preserve.kubo]\napi = "localhost:5001"',
        '[preserve.lighthouse]\ngateways = ["ipfs.io"]',
        '[preserve.pinning-service]\nendpoint = "https://me:secret@pins.example"',
        "[preserve.kubo]\naddress = 1",
    ],
)
def test_config_toml_says_where_it_is_wrong(text: str) -> None:
    with pytest.raises(EaiError, match="preserve"):
        config.parse(text)


def test_lighthouse_goes_where_config_toml_says(made: Make, service: Service) -> None:
    service.on("/api/user/user_data_usage", reply({"dataLimit": 1, "dataUsed": 0}))
    text = f'[preserve.lighthouse]\naccount = "{service.url}"'
    made("lighthouse", text=text, LIGHTHOUSE_API_KEY="key")[0].ready([].append)
    assert service.asked[0].headers["Authorization"] == "Bearer key"

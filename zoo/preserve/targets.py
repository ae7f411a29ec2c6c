"""The targets by their names, made from what the user's config.toml and the environment say."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.config import Preserve
from zoo.errors import AccessDenied, TargetError, UsageError
from zoo.preserve.api import Api
from zoo.preserve.carfile import CarFile
from zoo.preserve.retry import Patience
from zoo.preserve.sample import Sample
from zoo.preserve.target import Target

if TYPE_CHECKING:
    import httpx2

    from zoo.preserve.kubo import Kubo

CAR = "car"
KUBO_API, KUBO_AUTH = "EAI_KUBO_API", "EAI_KUBO_AUTH"
LIGHTHOUSE_KEY = "LIGHTHOUSE_API_KEY"
PINNING_ENDPOINT, PINNING_TOKEN = "EAI_PINNING_ENDPOINT", "EAI_PINNING_TOKEN"


@dataclass(frozen=True, slots=True)
class Where:
    """A target as it is asked for: its name, and the file where it is a CAR."""

    name: str
    path: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What targets are made with.

    Attributes:
        config: `[preserve]` of config.toml.
        env: The environment, which goes before it.
        client: Sends requests.
        patience: How often a target is asked again.
        sample: Which blocks are read back.
    """

    config: Preserve
    env: Mapping[str, str]
    client: Callable[[], httpx2.Client]
    patience: Patience
    sample: Sample


def make(wanted: Sequence[Where], means: Means) -> tuple[Target, ...]:
    """Make targets, each once, in the order in which they are named.

    Raises:
        UsageError: There is no target of a name.
        AccessDenied: A key is missing.
        TargetError: An address is none.
    """
    return tuple(_one(where, means) for where in dict.fromkeys(wanted))


def _one(where: Where, means: Means) -> Target:
    if where.name == CAR and where.path is not None:
        return CarFile(where.path)
    if where.name not in MAKERS:
        known = ", ".join((*MAKERS, f"{CAR} FILE"))
        raise UsageError(f"there is no target {where.name!r}", hint=f"the targets are {known}")
    return MAKERS[where.name](means)


def _kubo(means: Means) -> Kubo:
    from zoo.preserve.kubo import Kubo  # noqa: PLC0415 - one of several targets

    node = means.config.kubo
    base, auth = means.env.get(KUBO_API) or node.api, means.env.get(KUBO_AUTH) or node.auth
    hint = (
        f"set {KUBO_API} to where its RPC is, and {KUBO_AUTH} to basic:USER:PASSWORD or bearer:TOKEN, as its "
        "API.Authorizations has it, with /api/v0 among the AllowedPaths"
    )
    api = Api(means.client(), base, "kubo", hint, _authorization(auth, hint))
    return Kubo(api, means.patience, means.sample)


def _authorization(auth: str | None, hint: str) -> Mapping[str, str]:
    if not auth:
        return {}
    scheme, _, secret = auth.partition(":")
    if scheme == "bearer" and secret:
        return {"Authorization": f"Bearer {_plain(secret, hint)}"}
    if scheme == "basic" and ":" in secret:
        return {"Authorization": f"Basic {base64.b64encode(os.fsencode(secret)).decode()}"}
    raise TargetError(
        "the authorization for kubo has no form that is known",
        hint=f"write basic:USER:PASSWORD or bearer:TOKEN in {KUBO_AUTH}, or in config.toml",
    )


def _lighthouse(means: Means) -> Target:
    from zoo.preserve.lighthouse import Lighthouse, Services  # noqa: PLC0415 - one of several targets

    hint = f"make a key at https://files.lighthouse.storage, and set {LIGHTHOUSE_KEY} to it"
    key = _secret(
        means.env.get(LIGHTHOUSE_KEY), f"lighthouse wants a key, and {LIGHTHOUSE_KEY} is not set", hint
    )
    headers = {"Authorization": f"Bearer {key}"}
    client, addresses = means.client(), means.config.lighthouse
    services = Services(
        upload=Api(client, addresses.upload, "lighthouse", hint, headers),
        account=Api(client, addresses.account, "lighthouse", hint, headers),
        gateways=tuple(Api(client, url, "the gateway", "") for url in addresses.gateways),
    )
    return Lighthouse(services, means.patience, means.sample)


def _pinning_service(means: Means) -> Target:
    from zoo.preserve.pinning import PinningService  # noqa: PLC0415 - one of several targets

    service = means.config.pinning_service
    endpoint = means.env.get(PINNING_ENDPOINT) or service.endpoint
    if not endpoint:
        raise TargetError(
            f"no pinning service is set: {PINNING_ENDPOINT} is empty",
            hint=f"set {PINNING_ENDPOINT} and {PINNING_TOKEN}, or [preserve.pinning-service] in config.toml",
        )
    hint = f"set {PINNING_ENDPOINT} to the service's address, and {PINNING_TOKEN} to a token that it gave you"
    token = _secret(
        means.env.get(PINNING_TOKEN) or service.token,
        f"the pinning service wants a token, and {PINNING_TOKEN} is not set",
        hint,
    )
    headers = {"Authorization": f"Bearer {token}"}
    api = Api(means.client(), endpoint, "the pinning service", hint, headers)
    return PinningService(api, _kubo(means), means.patience)


def _secret(secret: str | None, message: str, hint: str) -> str:
    if not secret:
        raise AccessDenied(message, hint=hint)
    return _plain(secret, hint)


def _plain(secret: str, hint: str) -> str:
    """See that a header can hold a secret."""
    if not secret.isascii() or not secret.isprintable() or " " in secret:
        raise AccessDenied("a key or token has characters that none has", hint=hint)
    return secret


MAKERS: Mapping[str, Callable[[Means], Target]] = {
    "kubo": _kubo,
    "lighthouse": _lighthouse,
    "pinning-service": _pinning_service,
}
"""How the targets that are services are made, by name."""

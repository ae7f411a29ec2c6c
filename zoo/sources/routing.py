"""Delegated routing: asks a server who has a block and speaks HTTP.

Spec: ipfs/specs, routing/http-routing-v1.md; IPIP-513: 404 means nobody. Anyone may announce anything
there, so what is found is only asked over https, by name, and every block that it gives is checked.
"""

from __future__ import annotations

import re
from contextlib import closing
from typing import Annotated

import msgspec

from zoo.errors import SourceError
from zoo.ipfs.cid import Cid
from zoo.sources.calls import Call, brief
from zoo.sources.web import Wait, Web

MOST = 8
PATIENCE = 20.0
"""Seconds that all of an answer may take."""
_LONGEST = 1 << 20
_WAIT = Wait(connect=10, more=10)
_OK = 200
_HTTPS = re.compile(r"/dns[46]?/(?P<host>[A-Za-z0-9.-]{1,253})/tcp/(?P<port>[0-9]{1,5})/(https|tls/http)")

_Text = Annotated[str, msgspec.Meta(max_length=1024)]


class _Provider(msgspec.Struct, frozen=True):
    addrs: list[_Text] | None = msgspec.field(name="Addrs", default=None)


class _Answer(msgspec.Struct, frozen=True):
    providers: list[_Provider] | None = msgspec.field(name="Providers", default=None)


def providers(web: Web, routing: str, root: Cid, *, patience: float = PATIENCE) -> list[str]:
    """Find gateways that say they have a block, at most a few; none where nobody can be asked."""
    url = f"{routing.rstrip('/')}/routing/v1/providers/{root}?filter-protocols=transport-ipfs-gateway-http"
    try:
        with (
            brief(Call(), patience) as call,
            closing(web.get(url, accept="application/json", wait=_WAIT, call=call)) as answer,
        ):
            data = answer.read(_LONGEST + 1) if answer.status == _OK else b""
        found = msgspec.json.decode(data, type=_Answer) if len(data) <= _LONGEST else _Answer()
    except (SourceError, msgspec.DecodeError, UnicodeDecodeError):
        return []
    addresses = (address for provider in found.providers or () for address in provider.addrs or ())
    return list(dict.fromkeys(filter(None, map(_url, addresses))))[:MOST]


def _url(address: str) -> str | None:
    """The URL of a multiaddr; None for one that is not https at a name."""
    match = _HTTPS.fullmatch(address)
    if match is None or match["host"].replace(".", "").isdigit():
        return None
    return f"https://{match['host']}:{match['port']}"

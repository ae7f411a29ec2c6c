"""What one person sets for all their projects: config.toml, which no lock depends on."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec

from zoo.errors import EaiError
from zoo.zoofile.model import Table
from zoo.zoofile.problem import Keys, Problem, failure, quoted

NAME = "config.toml"
LONGEST = 1 << 20
BASE = "write http:// or https://, a host and perhaps a port; no password"
"""What an address of a server must be."""

T = TypeVar("T")

_WHERE = re.compile(r" - at `(?:key` in `)?\$(?P<path>[^`]*)`$")
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<key>[^`]*)`")
_STEP = re.compile(r"\.(?P<key>[A-Za-z0-9_-]+)|\[(?P<index>[0-9]+)\]")


class Ipfs(Table, frozen=True, kw_only=True):
    """How IPFS is reached.

    Attributes:
        gateways: Trustless gateways, the preferred first; None for those that eai knows.
        routing: Where to ask who else has a block (Delegated Routing V1 over HTTP); None asks nobody.
    """

    gateways: tuple[str, ...] | None = None
    routing: str | None = None


class Fetch(Table, frozen=True, kw_only=True):
    """Where bytes are looked for first.

    Attributes:
        peers: Stores on the network, as `eai store serve` offers one.
    """

    peers: tuple[str, ...] = ()


class KuboNode(Table, frozen=True, kw_only=True):
    """A Kubo node that is written to.

    Attributes:
        api: The address of its RPC.
        auth: `basic:USER:PASSWORD` or `bearer:TOKEN`, as in its own `API.Authorizations`.
    """

    api: str = "http://127.0.0.1:5001"
    auth: str | None = None


class Lighthouse(Table, frozen=True, kw_only=True):
    """Where Lighthouse is. Its key is in LIGHTHOUSE_API_KEY.

    Attributes:
        upload: Takes files.
        account: Knows what an account has, and how much more it may store.
        gateways: What was uploaded is read back through the first that gives it.
    """

    upload: str = "https://upload.lighthouse.storage"
    account: str = "https://api.lighthouse.storage"
    gateways: tuple[str, ...] = (
        "https://gateway.lighthouse.storage",
        "https://trustless-gateway.link",
        "https://ipfs.io",
    )


class PinningService(Table, frozen=True, kw_only=True):
    """A service that speaks the IPFS Pinning Service API."""

    endpoint: str | None = None
    token: str | None = None


class Preserve(Table, frozen=True, kw_only=True):
    """Where models are preserved."""

    kubo: KuboNode = KuboNode()
    lighthouse: Lighthouse = Lighthouse()
    pinning_service: PinningService = PinningService()


class Server(Table, frozen=True, kw_only=True):
    """How eai serves on this machine, whatever the project.

    Attributes:
        api_keys: A file of keys that clients must have; never in a zoofile, which is shared.
    """

    api_keys: str | None = None


class Config(Table, frozen=True, kw_only=True):
    """The whole of config.toml."""

    ipfs: Ipfs = Ipfs()
    fetch: Fetch = Fetch()
    preserve: Preserve = Preserve()
    server: Server = Server()


def path_of(env: Mapping[str, str]) -> Path:
    """Say where config.toml is: EAI_CONFIG names the file, else it is in the user's config folder."""
    if named := env.get("EAI_CONFIG"):
        return Path(named).absolute()
    from platformdirs import user_config_path  # noqa: PLC0415 - not needed where EAI_CONFIG is set

    return user_config_path("eai", appauthor=False) / NAME


def load(path: Path) -> Config:
    """Read config.toml; where there is none, everything is as by default.

    Raises:
        EaiError: It cannot be read, or says something that it cannot; with file, line and key.
    """
    try:
        with path.open("rb") as file:
            data = file.read(LONGEST + 1)
    except FileNotFoundError:
        return Config()
    except OSError as error:
        raise EaiError(f"{path}: {error.strerror}") from error
    if len(data) > LONGEST:
        raise EaiError(f"{path} has more than {LONGEST:,} bytes", hint="is this the right file?")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise EaiError(f"{path} is no UTF-8 text") from None
    return parse(text, name=str(path))


def parse(text: str, *, name: str = NAME) -> Config:
    """Read the text of a config.toml.

    Raises:
        EaiError: It says something that it cannot; with file, line and key.
    """
    return typed(text, Config, _wrong, name=name)


def typed(text: str, kind: type[T], wrong: Callable[[T], Iterator[Problem]], *, name: str) -> T:
    """Read the text of a TOML file of the user's as a value of this type.

    Args:
        text: All of it.
        kind: What it must be.
        wrong: Finds what its types alone do not say.
        name: What to call it in errors.

    Raises:
        EaiError: It says something that it cannot; with file, line and key.
    """
    import tomllib  # noqa: PLC0415 - most people have no config.toml

    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise EaiError(f"{name}: {error}", hint="it must be TOML") from None
    try:
        value = msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        raise _failure([_problem(str(error))], text, name) from None
    if problems := list(wrong(value)):
        raise _failure(problems, text, name)
    return value


def _failure(problems: list[Problem], text: str, name: str) -> EaiError:
    told = failure(problems, text, name)
    return EaiError(told.message, hint=told.hint)


def _problem(message: str) -> Problem:
    """Make of msgspec's words where it is and what is wrong there."""
    where = _WHERE.search(message)
    keys: Keys = tuple(
        step["key"] if step["key"] is not None else int(step["index"])
        for step in _STEP.finditer(where["path"] if where else "")
    )
    said = message[: where.start()] if where else message
    if unknown := _UNKNOWN.match(said):
        return Problem((*keys, unknown["key"]), "is not known here", "remove it, or mend its spelling")
    return Problem(keys, f"cannot be so: {said}")


def _wrong(config: Config) -> Iterator[Problem]:
    if config.ipfs.gateways is not None and not config.ipfs.gateways:
        yield Problem(("ipfs", "gateways"), "is empty", "leave it out for those that eai knows")
    lists: tuple[tuple[Keys, tuple[str, ...]], ...] = (
        (("ipfs", "gateways"), config.ipfs.gateways or ()),
        (("fetch", "peers"), config.fetch.peers),
        (("preserve", "lighthouse", "gateways"), config.preserve.lighthouse.gateways),
    )
    for keys, urls in lists:
        for at, url in enumerate(urls):
            yield from _url((*keys, at), url)
    single: tuple[tuple[Keys, str | None], ...] = (
        (("ipfs", "routing"), config.ipfs.routing),
        (("preserve", "kubo", "api"), config.preserve.kubo.api),
        (("preserve", "lighthouse", "upload"), config.preserve.lighthouse.upload),
        (("preserve", "lighthouse", "account"), config.preserve.lighthouse.account),
        (("preserve", "pinning-service", "endpoint"), config.preserve.pinning_service.endpoint),
    )
    for keys, address in single:
        if address is not None:
            yield from _url(keys, address)
    file = config.server.api_keys
    if file is not None and not file.startswith(("/", "~/")):
        remedy = "write the whole path of a file, from / or ~/"
        yield Problem(("server", "api-keys"), f"cannot be {quoted(file)}", remedy)


def _url(keys: Keys, url: str) -> Iterator[Problem]:
    if not is_base(url):
        yield Problem(keys, f"cannot be {quoted(unsecret(url))}", BASE)


def unsecret(url: str) -> str:
    """Leave out of an address what may be a password, to show it: all that stands before an `@`."""
    before, at, rest = url.rpartition("@")
    scheme, slashes, _ = before.partition("//")
    return f"{scheme}{slashes}…@{rest}" if slashes else f"…@{rest}" if at else url


def is_base(url: str) -> bool:
    """Whether a URL names a server that paths can be put behind: no query, no fragment, no password."""
    try:
        parts = urlsplit(url)
        port_is_fine = parts.port is None or parts.port > 0
    except ValueError:
        return False
    plain = not (parts.query or parts.fragment or parts.username or parts.password or "@" in parts.netloc)
    visible = url.isprintable() and not any(letter.isspace() or letter == "\\" for letter in url)
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and plain and port_is_fine and visible

"""API keys: where they come from, and which of them a request brings; only their hashes are kept."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from zoo import config
from zoo.errors import EaiError
from zoo.zoofile.model import Positive, Table
from zoo.zoofile.problem import Problem

LONGEST = 1 << 20
LOCAL = "local"  # the name of the key that this machine's other commands use
_FORBIDDEN = stat.S_IRWXO | stat.S_IWGRP

_SECRET = re.compile(r"[!-~]{1,512}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_CARRIED = "use printable ASCII without spaces, 512 characters at most"


@dataclass(frozen=True, slots=True)
class Key:
    """Somebody who may ask.

    Attributes:
        name: What the file of keys calls them.
        sha256: Of the key itself, which is not kept.
        requests_per_minute: How many requests to models they may send; None for any number.
        concurrent: How many of those may be under way at a time.
        models: Those that they may ask; a key with such a list opens nothing but models.
    """

    name: str
    sha256: bytes
    requests_per_minute: int | None = None
    concurrent: int | None = None
    models: tuple[str, ...] | None = None

    @classmethod
    def of(cls, name: str, secret: str) -> Key:
        """A key without limits."""
        return cls(name, _hash(secret))

    def may_use(self, model: str) -> bool:
        """Whether it is good for a model."""
        return self.models is None or model in self.models


@dataclass(frozen=True, slots=True)
class Keyring:
    """All keys of a proxy; none at all, and nobody needs one."""

    keys: tuple[Key, ...] = ()

    def find(self, secret: str) -> Key | None:
        """Whose key this is; every key is compared, in a time that says nothing of any of them."""
        digest, found = _hash(secret), None
        for key in self.keys:
            if hmac.compare_digest(key.sha256, digest):
                found = key
        return found


class _Entry(Table, frozen=True, kw_only=True):
    """One `[keys.NAME]` of the file."""

    key: str | None = None
    sha256: str | None = None
    requests_per_minute: Positive | None = None
    concurrent: Positive | None = None
    models: tuple[str, ...] | None = None


class _File(Table, frozen=True, kw_only=True):
    """The whole file."""

    keys: dict[str, _Entry] = msgspec.field(default_factory=dict)


def load(env: Mapping[str, str], configured: str | None) -> tuple[Key, ...]:
    """Gather the keys of EAI_API_KEY and of the file of EAI_API_KEYS_FILE, else of config.toml.

    Args:
        env: The environment variables.
        configured: `api-keys` of config.toml's [server].

    Raises:
        EaiError: A key cannot be one; the file cannot be read, is open to others, or holds no key.
    """
    keys = tuple(_of_variable(env.get("EAI_API_KEY", "")))
    if path := env.get("EAI_API_KEYS_FILE") or configured:
        keys += _of_file(Path(path).expanduser())
    if len({key.sha256 for key in keys}) < len(keys):
        raise EaiError("two API keys are the same", hint="give everybody a key of their own")
    return keys


def _of_variable(value: str) -> Iterator[Key]:
    if value and not value.strip(" ,"):
        # Whoever sets it means to lock the door.
        raise EaiError("EAI_API_KEY is set, and holds no key", hint="write a key, or unset it")
    for part in value.split(","):
        secret = part.strip()
        if not secret:
            continue
        if not _SECRET.fullmatch(secret):
            raise EaiError("EAI_API_KEY holds what no header can carry", hint=_CARRIED)
        yield Key.of("EAI_API_KEY", secret)


def _of_file(path: Path) -> tuple[Key, ...]:
    text = _read(path)
    file = config.typed(text, _File, _wrong, name=str(path))
    return tuple(
        Key(
            name,
            _hash(entry.key) if entry.key is not None else bytes.fromhex(entry.sha256 or ""),
            entry.requests_per_minute,
            entry.concurrent,
            entry.models,
        )
        for name, entry in file.keys.items()
    )


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            data = file.read(LONGEST + 1)
    except OSError as error:
        raise EaiError(f"cannot read the API keys in {path}: {error.strerror}") from error
    if not stat.S_ISREG(mode) or mode & _FORBIDDEN:
        raise EaiError(
            f"other users may read or change the API keys in {path}", hint=f"run `chmod 600 {path}`"
        )
    if len(data) > LONGEST:
        raise EaiError(f"{path} has more than {LONGEST:,} bytes", hint="is this the right file?")
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise EaiError(f"{path} is no UTF-8 text") from None


def _wrong(file: _File) -> Iterator[Problem]:
    if not file.keys:
        yield Problem(("keys",), "is missing or empty", 'write [keys.NAME] and under it key = "…"')
    for name, entry in file.keys.items():
        if (entry.key is None) == (entry.sha256 is None):
            both = 'write key = "…", or sha256 = "…" so that the key itself stands nowhere'
            yield Problem(("keys", name), "must hold one of `key` and `sha256`", both)
        if entry.key is not None and not _SECRET.fullmatch(entry.key):
            yield Problem(("keys", name, "key"), "is what no header can carry", _CARRIED)
        if entry.sha256 is not None and not _SHA256.fullmatch(entry.sha256):
            yield Problem(("keys", name, "sha256"), "is no SHA-256", "write 64 hex digits in small letters")


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()

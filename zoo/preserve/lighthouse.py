"""The target `lighthouse`: Lighthouse's upload service, which takes CARs and keeps them for its accounts.

Its API is documented by its own SDK (0.4.6). What it says is held against what we know: the CID that it
names must be ours, and blocks are read back through gateways before it is believed to have them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from zoo.errors import IntegrityError, Interrupted, Malformed, TargetError
from zoo.ipfs import cid as cids
from zoo.ipfs.cid import Cid
from zoo.preserve import gateway
from zoo.preserve.api import Api, shown
from zoo.preserve.content import Content
from zoo.preserve.events import Checked, Checking, Held, Kept, Progress, Retrying, Sending
from zoo.preserve.retry import Patience, again
from zoo.preserve.sample import Sample
from zoo.preserve.upload import form

LARGEST = 24_000_000_000
"""The most bytes that Lighthouse takes in one request."""

_IMPORTING = 7200.0
"""Seconds that it may take to answer an upload; its own SDK waits as long."""
_PAGES_MAX = 200


@dataclass(frozen=True, slots=True)
class Services:
    """Where Lighthouse's services are: uploads, accounts, and gateways that read back."""

    upload: Api
    account: Api
    gateways: tuple[Api, ...]


class Lighthouse:
    """Lighthouse.

    Args:
        services: Where it is.
        patience: How often it is asked again.
        sample: Which blocks are read back.
    """

    label = "lighthouse"

    def __init__(self, services: Services, patience: Patience, sample: Sample) -> None:
        self._services, self._patience, self._sample = services, patience, sample

    def ready(self, tell: Progress) -> None:
        """See that it knows the key, which every account can ask about its own use.

        Raises:
            AccessDenied: It does not know the key.
            EaiError: It does not answer.
        """
        again(self._left, self._patience, partial(_retrying, tell, self.label))

    def keep(self, contents: Sequence[Content], tell: Progress) -> Iterator[Content]:
        """Send what the account does not have, and read back; see `zoo.preserve.target.Target.keep`."""
        wanted = {content.cid for content in contents}
        there = again(partial(self._there, wanted), self._patience, partial(_retrying, tell, self.label))
        missing = [content for content in contents if content.cid not in there]
        again(partial(self._refuse, missing), self._patience, partial(_retrying, tell, self.label))
        for content in contents:
            told = partial(_retrying, tell, content.name)
            if content in missing:
                again(self._sender(content, tell), self._patience, told)
            else:
                tell(Held(content.name, self.label))
            self._check(content, tell)
            tell(Kept(content.name, self.label, self._sample.told(content)))
            yield content

    def _refuse(self, contents: Sequence[Content]) -> None:
        """Say before anything is sent what would be refused after hours."""
        sizes = {content.name: content.car().size() for content in contents}
        for name, size in sizes.items():
            if size > LARGEST:
                raise TargetError(
                    f"lighthouse takes {LARGEST:,} bytes at a time, and {name} has {size:,}",
                    hint="preserve it with `--to kubo`, or as a model that is split into shards",
                )
        left = self._left()
        if left is not None and sum(sizes.values()) > left:
            raise TargetError(
                f"lighthouse: {sum(sizes.values()):,} bytes are to be sent, and there is room for {left:,}",
                hint="buy more, or preserve fewer models at a time",
            )

    def _left(self) -> int | None:
        """Ask how many bytes the account may still store; None if the answer does not say."""
        answer = _table(self._services.account.json("GET", "api/user/user_data_usage"))
        limit, used = _number(answer.get("dataLimit")), _number(answer.get("dataUsed"))
        return None if limit is None or used is None else limit - used

    def _there(self, wanted: set[Cid]) -> set[Cid]:
        """Find which files the account has already; its list comes in pages, the newest first."""
        found: set[Cid] = set()
        params: dict[str, str] = {}
        for _ in range(_PAGES_MAX):
            page = _table(self._services.account.json("GET", "api/user/files_uploaded", params=params))
            listed = page.get("fileList")
            files = [file for file in listed if isinstance(file, dict)] if isinstance(listed, list) else []
            found |= {cid for file in files if (cid := _cid(file.get("cid"))) in wanted and cid is not None}
            if not files or found == wanted or not (last := files[-1].get("id")):
                break
            params = {"lastKey": str(last)}
        return found

    def _sender(self, content: Content, tell: Progress) -> Callable[[], None]:
        """Make what sends a file, and asks from the second time on whether only the answer was lost."""
        tried = False

        def send() -> None:
            nonlocal tried
            if tried and self._there({content.cid}):
                tell(Held(content.name, self.label))
                return
            tried = True
            self._send(content, tell)

        return send

    def _send(self, content: Content, tell: Progress) -> None:
        car = content.car()
        tell(Sending(content.name, self.label, car.size(), 0))
        answers = self._services.upload.lines(
            "POST",
            "api/v0/dag/import",
            body=form(car, content.name, self.label, tell),
            timeout=_IMPORTING,
        )
        named = [cid for answer in answers if (cid := _root(answer)) is not None]
        if not named:
            raise Interrupted(f"lighthouse's answer names no CID for {content.name}")
        if named[-1] != content.cid:
            raise IntegrityError(f"lighthouse took {content.cid}, and calls it {named[-1]}")

    def _check(self, content: Content, tell: Progress) -> None:
        want = self._sample.of(content)
        tell(Checking(content.name, self.label, sum(want.values())))

        def check() -> None:
            for cid in tuple(want):
                gateway.block(self._services.gateways, cid)
                tell(Checked(content.name, self.label, want.pop(cid)))

        try:
            again(check, self._patience, partial(_retrying, tell, content.name))
        except Interrupted as error:
            raise Interrupted(
                f"{content.name} is at lighthouse, and could not be read back: {error.message}",
                hint="run the command again later: nothing is sent twice",
            ) from None


def _root(answer: dict[str, Any]) -> Cid | None:
    """Read the CID that an upload's answer names: `Hash` as documented, or `Root` as a Kubo answers."""
    root = answer.get("Root")
    if isinstance(root, dict):
        if said := root.get("PinErrorMsg"):
            raise Interrupted(f"lighthouse could not pin it: {shown(str(said))}")
        inner = root.get("Cid")
        return _cid(inner.get("/") if isinstance(inner, dict) else inner)
    return _cid(answer.get("Hash"))


def _cid(text: object) -> Cid | None:
    try:
        return cids.parse(text) if isinstance(text, str) else None
    except Malformed:
        return None


def _table(value: object) -> dict[str, Any]:
    """Take an answer as a table; some come wrapped as `data`."""
    if not isinstance(value, dict):
        return {}
    inner = value.get("data")
    return inner if isinstance(inner, dict) else value


def _number(value: object) -> int | None:
    if isinstance(value, str) and value.isdecimal():
        return int(value[:20])
    return int(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _retrying(tell: Progress, name: str, error: Interrupted, delay: float) -> None:
    tell(Retrying(name, Lighthouse.label, error.message, delay))

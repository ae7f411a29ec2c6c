"""The target `pinning-service`: a service that speaks the IPFS Pinning Service API 1.0.

It takes no bytes: it is told a CID, and fetches the blocks from a node that has them. So a file goes to
the Kubo node first, which must be reachable from the service until the pin is done.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any
from urllib.parse import quote

from zoo.errors import IntegrityError, Interrupted, TargetError
from zoo.ipfs import cid as cids
from zoo.preserve.api import Api
from zoo.preserve.content import Content
from zoo.preserve.events import Held, Kept, Progress, Retrying, Waiting
from zoo.preserve.kubo import Kubo
from zoo.preserve.retry import Patience, again

_ORIGINS_MAX = 20
_NAME_MAX = 255
_LOOK, _LOOK_MAX = 1.0, 30.0
"""Seconds between two looks at a pin, at first and at most."""

_STATES = {"queued", "pinning", "pinned", "failed"}


class PinningService:
    """A pinning service.

    Args:
        api: Of the service.
        kubo: The node that it fetches from.
        patience: How often it is asked again, and how long it may take to pin.
    """

    label = "pinning-service"

    def __init__(self, api: Api, kubo: Kubo, patience: Patience) -> None:
        self._api, self._kubo, self._patience = api, kubo, patience

    def ready(self, tell: Progress) -> None:
        """See that the node is there, and that the service lets us in.

        Raises:
            EaiError: One of them does not.
        """
        self._kubo.ready(tell)
        ask = partial(self._api.json, "GET", "pins", params={"limit": "1"})
        again(ask, self._patience, partial(_retrying, tell, self.label))

    def keep(self, contents: Sequence[Content], tell: Progress) -> Iterator[Content]:
        """Put each file onto the node, and have it pinned; see `zoo.preserve.target.Target.keep`."""
        for content in self._kubo.keep(contents, tell):
            told = partial(_retrying, tell, content.name)
            pin = again(partial(self._pin, content), self._patience, told)
            if pin["status"] == "pinned":
                tell(Held(content.name, self.label))
            else:
                self._kubo.connect(_delegates(pin))
                self._wait(pin, content, tell)
            tell(Kept(content.name, self.label, "the service says that it is pinned"))
            yield content

    def _pin(self, content: Content) -> dict[str, Any]:
        """Find the pin of an earlier run, or ask for one."""
        params = {"cid": str(content.cid), "status": "queued,pinning,pinned", "limit": "10"}
        answer = self._api.json("GET", "pins", params=params)
        results = answer.get("results") if isinstance(answer, dict) else None
        pins = [self._status(each, content) for each in (results if isinstance(results, list) else ())]
        # One that failed is asked for anew; who asks to see only the others may still be shown it.
        if found := [pin for pin in pins if pin["status"] != "failed"]:
            return max(found, key=lambda pin: str(pin["status"]) == "pinned")
        value = {
            "cid": str(content.cid),
            "name": content.name[:_NAME_MAX],
            "origins": list(self._kubo.addresses()[:_ORIGINS_MAX]),
        }
        return self._status(self._api.json("POST", "pins", value=value), content)

    def _wait(self, pin: dict[str, Any], content: Content, tell: Progress) -> None:
        """Look again and again until it is pinned.

        Raises:
            TargetError: It failed.
            Interrupted: It takes too long.
        """
        began, look, last = self._patience.clock(), _LOOK, ""
        told = partial(_retrying, tell, content.name)
        path = f"pins/{quote(str(pin['requestid']), safe='')}"
        while pin["status"] != "pinned":
            status = str(pin["status"])
            if status == "failed":
                raise TargetError(
                    f"{self._api.base} could not pin {content.cid}{self._details(pin)}",
                    hint="the Kubo node must be reachable from outside: `ipfs id` shows where it is",
                )
            if status != last:
                tell(Waiting(content.name, self.label, status))
                last = status
            if self._patience.clock() - began > self._patience.pinning:
                raise Interrupted(
                    f"{self._api.base} has not pinned {content.cid} yet: it is {status}",
                    hint="it goes on without us; run the command again later to see whether it is done",
                )
            self._patience.sleep(look)
            look = min(look * 1.5, _LOOK_MAX)
            pin = again(partial(self._look, path, content), self._patience, told)

    def _look(self, path: str, content: Content) -> dict[str, Any]:
        return self._status(self._api.json("GET", path), content)

    def _status(self, value: object, content: Content) -> dict[str, Any]:
        """Read a PinStatus.

        Raises:
            TargetError: It is none.
            IntegrityError: It is one of another CID.
        """
        pin = value.get("pin") if isinstance(value, dict) else None
        if not isinstance(value, dict) or not isinstance(pin, dict) or not _is_status(value):
            raise TargetError(f"{self._api.base} answers with what is no pin: {self._api.told(value)}")
        if cids.parse(str(pin.get("cid"))) != content.cid:
            raise IntegrityError(
                f"{self._api.base} was asked to pin {content.cid}, and pins {self._api.told(pin.get('cid'))}"
            )
        return value

    def _details(self, pin: dict[str, Any]) -> str:
        info = pin.get("info")
        said = info.get("status_details") if isinstance(info, dict) else None
        return f": {self._api.told(said)}" if said else ""


def _is_status(value: dict[str, Any]) -> bool:
    return str(value.get("status")) in _STATES and isinstance(value.get("requestid"), str)


def _delegates(pin: dict[str, Any]) -> list[str]:
    found = pin.get("delegates")
    return [str(each) for each in found[:_ORIGINS_MAX]] if isinstance(found, list) else []


def _retrying(tell: Progress, name: str, error: Interrupted, delay: float) -> None:
    tell(Retrying(name, PinningService.label, error.message, delay))

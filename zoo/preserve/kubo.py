"""The target `kubo`: a Kubo node, through its RPC.

A file goes there as one CAR (`dag/import`), which is pinned when it is whole. What the node has of it
already, from a run that was interrupted, is not sent again. Then every block is read back, from that
node alone, and checked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any

from zoo.errors import EaiError, IntegrityError, Interrupted, Malformed, SourceError, TargetError
from zoo.ipfs import cid as cids
from zoo.ipfs.cid import Cid
from zoo.ipfs.dagpb import BLOCK_MAX
from zoo.preserve.api import Api, shown
from zoo.preserve.content import Content
from zoo.preserve.events import Checked, Checking, Held, Kept, Progress, Retrying, Sending
from zoo.preserve.retry import Patience, again
from zoo.preserve.sample import Sample
from zoo.preserve.upload import form

OLDEST = (0, 18)
"""The first Kubo whose dag/import answers as this module reads it."""

_PINNING = 3600.0
"""Seconds that a node may take to pin what it was sent: it reads every block."""
_ASKING, _READING = 16, 4
_FULL = ("no space left on device", "disk quota exceeded")
_OTHER_BYTES = "mismatch in content integrity"
_VERSION = re.compile(r"(\d+)\.(\d+)\.")


class Kubo:
    """A Kubo node.

    Args:
        api: Of its RPC, up to and without `/api/v0`.
        patience: How often it is asked again.
        sample: Which blocks are read back.
    """

    label = "kubo"

    def __init__(self, api: Api, patience: Patience, sample: Sample) -> None:
        self._api, self._patience, self._sample = api, patience, sample

    def ready(self, _: Progress) -> None:
        """See that a Kubo answers that is new enough; one that does not run is not waited for.

        Raises:
            TargetError: It is too old, or no Kubo.
            EaiError: It does not answer, or does not let us in.
        """
        try:
            version = shown(str(self._call("version").get("Version")))
        except Interrupted as error:
            raise Interrupted(
                error.message, hint="start it with `ipfs daemon`, or say where it is: EAI_KUBO_API=http://…"
            ) from None
        match = _VERSION.match(version)
        if match is None or (int(match[1]), int(match[2])) < OLDEST:
            oldest = ".".join(map(str, OLDEST))
            raise TargetError(f"{self._api.base} is Kubo {version[:40]}; {oldest} is the oldest that will do")
        self._call("pin/ls", arg="bafkqaaa", type="recursive", expected="is not pinned")

    def addresses(self) -> tuple[str, ...]:
        """Give the addresses at which other nodes reach this one, as multiaddrs."""
        found = self._call("id").get("Addresses")
        return tuple(str(address) for address in found) if isinstance(found, list) else ()

    def connect(self, addresses: Sequence[str]) -> None:
        """Ask the node to connect to others; that some cannot be reached, or it may not, is no error."""
        for address in addresses:
            with suppress(SourceError):  # the service may find this node by itself
                self._call("swarm/connect", arg=address)

    def keep(self, contents: Sequence[Content], tell: Progress) -> Iterator[Content]:
        """Import, pin and read back each file; see `zoo.preserve.target.Target.keep`."""
        for content in contents:
            told = partial(_retrying, tell, content.name)
            walked = again(partial(self._send, content, tell), self._patience, told)
            self._check(content, tell, walked=walked)
            tell(Kept(content.name, self.label, f"pinned and whole, {self._sample.told(content)}"))
            yield content

    def _send(self, content: Content, tell: Progress) -> bool:
        """Send what is missing; say whether the node walked the whole DAG just now, to pin it."""
        if self._pinned(content.cid):
            tell(Held(content.name, self.label))
            return False
        held = self._held(content)
        if held == content.cids():
            self._call("pin/add", arg=str(content.cid), offline="true", timeout=_PINNING)
            return True
        whole, car = content.car().size(), content.car(frozenset(held))
        tell(Sending(content.name, self.label, whole, whole - car.size()))
        try:
            answers = self._api.lines(
                "POST",
                "api/v0/dag/import",
                params={"pin-roots": "true", "stats": "true", "offline": "true"},
                body=form(car, content.name, self.label, tell),
                timeout=_PINNING,
            )
        except Interrupted as error:
            raise _meant(error, content.name) from None
        _imported(answers, content.cid)
        return True

    def _pinned(self, cid: Cid) -> bool:
        answer = self._call("pin/ls", arg=str(cid), type="recursive", expected="is not pinned")
        keys = answer.get("Keys")
        return isinstance(keys, dict) and any(cids.parse(str(key)) == cid for key in keys)

    def _held(self, content: Content) -> set[Cid]:
        """Find the blocks that the node has. A CAR begins with its root: without it there are none."""
        if not self._has(content.cid):
            return set()
        every = list(content.cids())
        with ThreadPoolExecutor(_ASKING, thread_name_prefix="held") as pool:
            return {cid for cid, there in zip(every, pool.map(self._has, every), strict=True) if there}

    def _has(self, cid: Cid) -> bool:
        answer = self._call("block/stat", arg=str(cid), offline="true", expected="not found")
        return "Key" in answer

    def _check(self, content: Content, tell: Progress, *, walked: bool) -> None:
        """See that it is pinned and whole, and read blocks back."""
        want = self._sample.of(content)
        tell(Checking(content.name, self.label, sum(want.values())))

        def check() -> None:
            if not self._pinned(content.cid):
                raise TargetError(f"{self._api.base} says that {content.cid} is not pinned, after it was")
            if not walked and content.dag.nodes:  # a file of one block is whole if that can be read back
                self._whole(content)
            with ThreadPoolExecutor(_READING, thread_name_prefix="check") as pool:
                for cid in pool.map(self._block, tuple(want)):
                    tell(Checked(content.name, self.label, want.pop(cid)))

        again(check, self._patience, partial(_retrying, tell, content.name))

    def _whole(self, content: Content) -> None:
        """Let the node walk the DAG without asking others: as many blocks, and as many bytes, as we have."""
        params = {"arg": str(content.cid), "offline": "true", "progress": "false"}
        answers = self._api.lines("POST", "api/v0/dag/stat", params=params, timeout=_PINNING)
        found = answers[-1] if answers else {}
        sizes = content.sizes()
        ours, theirs = (len(sizes), sum(sizes.values())), (found.get("UniqueBlocks"), found.get("TotalSize"))
        if theirs != ours:
            raise IntegrityError(
                f"{self._api.base} has {theirs[0]} blocks of {content.cid}, {theirs[1]} bytes; "
                f"there are {ours[0]}, of {ours[1]} bytes"
            )

    def _block(self, cid: Cid) -> Cid:
        block = bytearray()
        params = {"arg": str(cid), "offline": "true"}
        with self._api.answer("POST", "api/v0/block/get", params=params) as chunks:
            for chunk in chunks:
                block += chunk
                if len(block) > BLOCK_MAX:
                    raise Malformed(f"{self._api.base} gives more than {BLOCK_MAX} bytes for the block {cid}")
        cids.check(cid, bytes(block))
        return cid

    def _call(
        self, call: str, *, expected: str | None = None, timeout: float = 60, **params: str
    ) -> dict[str, Any]:
        """Call the RPC; give its answer, or nothing where it fails with the words that are expected."""
        try:
            answer = self._api.json("POST", f"api/v0/{call}", params=params, timeout=timeout)
        except Interrupted as error:
            # Kubo answers every error with status 500, also that there is no such thing.
            if expected is not None and "(500)" in error.message and expected in error.message:
                return {}
            raise
        return answer if isinstance(answer, dict) else {}


def _meant(error: Interrupted, name: str) -> EaiError:
    """Tell what asking again does not mend from what it may: Kubo answers both with status 500."""
    said = error.message.lower()
    if any(words in said for words in _FULL):
        return TargetError(
            error.message,
            hint="make room where the node keeps its blocks; then run the command again: it goes on",
        )
    if _OTHER_BYTES in said:
        return IntegrityError(
            f"{name} is read with other bytes than those that have this CID: {error.message}",
            hint="run `eai store verify`, then `eai fetch` if it finds something",
        )
    return error


def _imported(answers: Sequence[dict[str, Any]], root: Cid) -> None:
    """Read what dag/import answers: errors come behind a 200, and an answer that is cut looks like one."""
    roots = [answer["Root"] for answer in answers if isinstance(answer.get("Root"), dict)]
    for each in roots:
        link = each.get("Cid")
        named = cids.parse(str(link.get("/") if isinstance(link, dict) else link))
        if named != root:
            raise IntegrityError(f"kubo took {root}, and calls it {named}")
        if said := each.get("PinErrorMsg"):
            raise Interrupted(f"kubo could not pin {root}: {shown(str(said))}")
    if not roots or not any("Stats" in answer for answer in answers):
        raise Interrupted(f"kubo's answer ended before it said that {root} is pinned")


def _retrying(tell: Progress, name: str, error: Interrupted, delay: float) -> None:
    tell(Retrying(name, Kubo.label, error.message, delay))

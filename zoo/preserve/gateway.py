"""Reading blocks back through gateways, where the target itself cannot be asked for them."""

from __future__ import annotations

from collections.abc import Sequence

from zoo.errors import EaiError, Interrupted, Malformed
from zoo.ipfs import cid as cids
from zoo.ipfs.cid import Cid
from zoo.ipfs.dagpb import BLOCK_MAX
from zoo.preserve.api import Api


def block(gateways: Sequence[Api], cid: Cid) -> None:
    """See that one of several gateways gives a block (trustless gateway, `format=raw`).

    Raises:
        Interrupted: None does; it may not have got round to it. What each said is in the message.
    """
    said: list[str] = []
    for gateway in gateways:
        try:
            _block(gateway, cid)
        except EaiError as error:
            said.append(error.message)
        else:
            return
    raise Interrupted(f"no gateway gives the block {cid}: {'; '.join(said)}")


def _block(gateway: Api, cid: Cid) -> None:
    data = bytearray()
    with gateway.answer(
        "GET", f"ipfs/{cid}", params={"format": "raw"}, accept="application/vnd.ipld.raw"
    ) as chunks:
        for chunk in chunks:
            data += chunk
            if len(data) > BLOCK_MAX:
                raise Malformed(f"{gateway.base} gives more than a block for {cid}")
    cids.check(cid, bytes(data))

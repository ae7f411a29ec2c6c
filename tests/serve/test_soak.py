"""Hundreds of requests through every trouble at once; `benchmarks/soak.py` asks ten thousand."""

from __future__ import annotations

import random

import pytest
from models.chat import SENTENCE
from support.proxies import Weights
from support.serving import Proxies
from support.soak import Chances, Soak, rest, three_models

pytestmark = pytest.mark.engine


async def test_nothing_promised_is_lost_and_nothing_is_left_behind(
    proxies: Proxies, weights: Weights
) -> None:
    proxy = three_models(proxies, weights)
    before = await rest(proxy)
    says = {"one": SENTENCE, "two": "I am the other one.", "three": SENTENCE}
    chances = Chances(kill=0.01, load=0.02, unload=0.02)
    account = await Soak(proxy, says, 300, random.Random(1), chances).run()
    after = await rest(proxy)

    assert account.lost == []
    assert account.fates.total() == 300
    assert account.fates["whole"] > 50  # some models are left alone for a while after so many kills
    assert account.troubles.total() > 3
    assert (after.sockets, after.processes) == (before.sockets, before.processes)
    assert after.files <= before.files
    assert after.memory < before.memory + 30 * 2**20

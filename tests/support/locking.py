"""A zoofile's surroundings without a network: what locking needs, and what it was asked."""

from __future__ import annotations

from dataclasses import dataclass, field

from support.shelf import Chest, Shelf, Workshop

from zoo.lock.check import validate
from zoo.lock.freshness import stale
from zoo.lock.model import Lock, Model
from zoo.lock.toml import dumps, loads
from zoo.resolve.run import resolve
from zoo.resolve.upgrade import Upgrade
from zoo.store import Store
from zoo.zoofile.read import parse

REPO = "zoo/lion"
LION = f'[models.lion]\nhf = "{REPO}"\nfile = "lion.gguf"\n'
TAIL = bytes(4 << 20)
CUB = f'[models.cub]\nhf = "{REPO}"\nfile = "cub.gguf"\n'


@dataclass
class Bench:
    """A zoofile's surroundings."""

    store: Store
    hub: Shelf
    web: Shelf
    disk: Shelf
    workshop: Workshop = field(default_factory=Workshop)
    chest: Chest = field(default_factory=lambda: Chest([]))

    def lock(self, text: str, old: Lock | None = None, **upgrade: frozenset[str] | bool) -> Lock:
        """Lock a zoofile, and check what must hold of every lock that was just made."""
        zoofile = parse(text)
        made = resolve(
            zoofile,
            old,
            sources={"hf": self.hub, "url": self.web, "path": self.disk, "ipfs": self.chest},
            providers={"pypi": self.workshop, "source": self.workshop},
            store=self.store,
            upgrade=Upgrade(**upgrade),
            progress=self.chest.events.append,
        )
        validate(made)
        assert stale(made, zoofile) == ()
        assert loads(dumps(made)) == made
        return made

    def asked(self) -> int:
        """Count the look-ups, and forget them."""
        count = sum(len(each.asked) for each in (self.hub, self.web, self.disk, self.workshop))
        for each in (self.hub, self.web, self.disk, self.workshop):
            each.asked.clear()
        return count


def only(lock: Lock) -> Model:
    """The one model of a lock."""
    [model] = lock.model
    return model

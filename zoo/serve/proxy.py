"""All that a running proxy is made of, as one value for its handlers."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from multidict import MultiMapping

from zoo.environment.model import Environment
from zoo.serve.adapters import Adapters
from zoo.serve.answers import Problem
from zoo.serve.easel import Easels
from zoo.serve.guard import Guard
from zoo.serve.journal import Journal
from zoo.serve.machine import Budget
from zoo.serve.pictures import Pictures
from zoo.serve.routing import Router
from zoo.serve.scheduler import Scheduler
from zoo.serve.tally import Tally
from zoo.serve.upstream import Upstream


@dataclass(slots=True, kw_only=True, eq=False)
class Proxy:
    """What serves one environment.

    Attributes:
        began: Whether the main model has answered once: then the proxy is healthy, also while the
            main model is away to make room.
        started: Seconds since 1970.
    """

    environment: Environment
    router: Router
    scheduler: Scheduler[Upstream]
    budget: Budget
    tally: Tally
    journal: Journal
    guard: Guard
    pictures: Pictures
    adapters: Adapters
    easels: Easels = field(default_factory=Easels)
    began: bool = False
    started: float = field(default_factory=time.time)

    def refusal(self, headers: MultiMapping[str]) -> Problem | None:
        """What a request with these headers is refused with; None where it is welcome."""
        why = self.guard.refusal(headers.getall("Host", ()), headers.getall("Origin", ()))
        return None if why is None else Problem(403, "forbidden", why)

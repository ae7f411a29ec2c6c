"""All that a running proxy is made of, as one value for its handlers."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from zoo.environment.model import Environment
from zoo.serve import units
from zoo.serve.adapters import Adapters
from zoo.serve.easel import Easels
from zoo.serve.flow import Flow
from zoo.serve.guard import Guard
from zoo.serve.history import History
from zoo.serve.journal import Journal
from zoo.serve.logfile import LogFile
from zoo.serve.machine import Budget
from zoo.serve.pictures import Pictures
from zoo.serve.routing import Router
from zoo.serve.scheduler import Scheduler
from zoo.serve.tally import Answered, Tally
from zoo.serve.upstream import Upstream
from zoo.serve.watch import Watch


@dataclass(slots=True, kw_only=True, eq=False)
class Proxy:
    """What serves one environment.

    Attributes:
        logs: The proxy's own, and each engine's, by what they are called.
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
    watch: Watch
    logs: Mapping[str, LogFile]
    pictures: Pictures
    adapters: Adapters
    easels: Easels = field(default_factory=Easels)
    history: History = field(default_factory=History)
    flow: Flow = field(default_factory=Flow)
    began: bool = False
    started: float = field(default_factory=time.time)

    def note(self, answered: Answered) -> None:
        """Count a request that is over, and log it."""
        self.tally.note(answered)
        self.journal.note(answered)

    @property
    def body_limit(self) -> int:
        """Bytes that the body of a request may have."""
        return units.size(self.environment.server.max_body)

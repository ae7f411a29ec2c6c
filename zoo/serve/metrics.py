"""Counts what the proxy does, for Prometheus; in a registry of its own, so that nothing else joins."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, pairwise

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from zoo.serve.slot import Seen
from zoo.serve.tally import Answered

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_STATES = ("unloaded", "loading", "ready", "stopping")


class Metrics:
    """All that is counted.

    Args:
        seen: Tells what every model does now.
        budget: Bytes that the loaded models may take together.
    """

    def __init__(self, seen: Callable[[], tuple[Seen, ...]], budget: int) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "eai_requests", "Requests answered.", ("model", "path", "status"), registry=self._registry
        )
        self._first = _Times(
            "eai_first_byte_seconds", "From a request's arrival to the first byte of its answer."
        )
        self._whole = _Times(
            "eai_request_seconds", "From a request's arrival to the last byte of its answer."
        )
        Gauge("eai_memory_budget_bytes", "What loaded models may take.", registry=self._registry).set(budget)
        for collector in (self._first, self._whole, _Models(seen)):
            self._registry.register(collector)

    def count(self, notes: Sequence[Answered]) -> None:
        """Count requests that are over."""
        alike: defaultdict[tuple[str, str, int], list[Answered]] = defaultdict(list)
        for note in notes:
            alike[note[:3]].append(note)
        for (model, path, status), group in alike.items():
            self._requests.labels(model, path, str(status)).inc(len(group))
            self._whole.observe((model, path), [note.whole for note in group])
            self._first.observe((model, path), [note.first for note in group if note.first is not None])

    def text(self) -> bytes:
        """Everything, in Prometheus' text format."""
        return generate_latest(self._registry)


class _Times(Collector):
    """A histogram of seconds, by model and path; prometheus_client's own one takes five times as long.

    Args:
        name: As Prometheus knows it.
        what: What it tells.
    """

    def __init__(self, name: str, what: str) -> None:
        self._name, self._what = name, what
        self._counts: dict[tuple[str, str], list[int]] = {}
        self._sums: dict[tuple[str, str], float] = {}

    def observe(self, labels: tuple[str, str], times: Sequence[float]) -> None:
        """Count times; sorted, they need one look for each bucket."""
        if not times:
            return
        ordered = sorted(times)
        ends = (0, *(bisect_right(ordered, limit) for limit in _BUCKETS), len(ordered))
        counts = self._counts.setdefault(labels, [0] * (len(_BUCKETS) + 1))
        for bucket, (begin, end) in enumerate(pairwise(ends)):
            counts[bucket] += end - begin
        self._sums[labels] = self._sums.get(labels, 0.0) + sum(ordered)

    def collect(self) -> Iterator[Metric]:
        """Give all that was counted."""
        family = HistogramMetricFamily(self._name, self._what, labels=("model", "path"))
        limits = (*map(floatToGoString, _BUCKETS), "+Inf")
        for labels, counts in self._counts.items():
            buckets = list(zip(limits, accumulate(counts), strict=True))
            family.add_metric(labels, buckets, self._sums[labels])
        yield family


class _Models(Collector):
    """The scheduler's own counts, read when they are asked for."""

    def __init__(self, seen: Callable[[], tuple[Seen, ...]]) -> None:
        self._seen = seen

    def collect(self) -> Iterator[Metric]:
        state = GaugeMetricFamily("eai_model_state", "1 for the state it is in.", labels=("model", "state"))
        gauges: dict[str, GaugeMetricFamily | CounterMetricFamily] = {
            "holds": GaugeMetricFamily("eai_requests_in_flight", "Requests answered now.", labels=("model",)),
            "waiting": GaugeMetricFamily("eai_requests_waiting", "Requests that wait.", labels=("model",)),
            "memory": GaugeMetricFamily("eai_model_memory_bytes", "Taken when loaded.", labels=("model",)),
            "loads": CounterMetricFamily("eai_model_loads", "Times it was loaded.", labels=("model",)),
            "unloads": CounterMetricFamily("eai_model_unloads", "Times it was unloaded.", labels=("model",)),
            "crashes": CounterMetricFamily("eai_model_crashes", "Times its engine died.", labels=("model",)),
        }
        for seen in self._seen():
            for name, family in gauges.items():
                family.add_metric((seen.name,), getattr(seen, name))
            for each in _STATES:
                state.add_metric((seen.name, each), float(seen.state == each))
        yield state
        yield from gauges.values()

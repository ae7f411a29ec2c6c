"""Counts what the proxy does, for Prometheus; in a registry of its own, so that nothing else joins."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

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
        self._first = Histogram(
            "eai_first_byte_seconds",
            "From a request's arrival to the first byte of its answer.",
            ("model", "path"),
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._whole = Histogram(
            "eai_request_seconds",
            "From a request's arrival to the last byte of its answer.",
            ("model", "path"),
            buckets=_BUCKETS,
            registry=self._registry,
        )
        Gauge("eai_memory_budget_bytes", "What loaded models may take.", registry=self._registry).set(budget)
        self._registry.register(_Models(seen))

    def count(self, answered: Answered) -> None:
        """Count a request that is over."""
        model, path, status, first, whole = answered
        self._requests.labels(model, path, str(status)).inc()
        self._whole.labels(model, path).observe(whole)
        if first is not None:
            self._first.labels(model, path).observe(first)

    def text(self) -> bytes:
        """Everything, in Prometheus' text format."""
        return generate_latest(self._registry)


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

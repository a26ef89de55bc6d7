"""Counts for Prometheus, read from their owners when somebody asks; nothing is counted twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from prometheus_client.core import Metric


class Counts(Collector):
    """What came and what became of it, and how things stand.

    counters: numbers that only grow, by kind; gauges: numbers as they are now, by name.
    """

    def __init__(
        self, counters: Callable[[], Mapping[str, int]], gauges: Callable[[], Mapping[str, float]]
    ) -> None:
        self._counters = counters
        self._gauges = gauges

    def collect(self) -> Iterator[Metric]:
        """See prometheus_client."""
        events = CounterMetricFamily("edge_agent_events", "What came and what became of it.", labels=["kind"])
        for kind, count in sorted(self._counters().items()):
            events.add_metric([kind], count)
        yield events
        for name, value in self._gauges().items():
            yield GaugeMetricFamily(f"edge_agent_{name}", name.replace("_", " "), value=value)


def registry(
    counters: Callable[[], Mapping[str, int]], gauges: Callable[[], Mapping[str, float]]
) -> CollectorRegistry:
    """Return a registry that shows these and nothing else."""
    shown = CollectorRegistry()
    shown.register(Counts(counters, gauges))
    return shown

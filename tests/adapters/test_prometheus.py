"""The text that Prometheus reads, read as it does."""

from __future__ import annotations

from collections import Counter

from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from edge_agent.adapters.prometheus import registry
from tests.rig.fakes import Kerbside


def samples(counters: dict[str, int], gauges: dict[str, float]) -> dict[tuple[str, str], float]:
    text = generate_latest(registry(lambda: counters, lambda: gauges)).decode()
    return {
        (sample.name, sample.labels.get("kind", "")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_counts_are_one_counter_by_kind_and_gauges_stand_by_name() -> None:
    assert samples({"messages": 7, "quarantined": 1}, {"chargers": 3.0}) == {
        ("edge_agent_events_total", "messages"): 7.0,
        ("edge_agent_events_total", "quarantined"): 1.0,
        ("edge_agent_chargers", ""): 3.0,
    }


def test_a_kind_that_came_from_outside_breaks_no_line() -> None:
    odd = 'ignored "unit"\n\\x {a="b"} °C'
    assert samples({odd: 1}, {}) == {("edge_agent_events_total", odd): 1.0}


def test_where_nothing_was_counted_there_is_no_sample() -> None:
    assert samples({}, {}) == {}


def test_numbers_are_read_when_somebody_asks() -> None:
    counted: Counter[str] = Counter()
    shown = registry(lambda: dict(counted), dict)
    counted["messages"] += 1
    first = generate_latest(shown)
    counted["messages"] += 1
    assert generate_latest(shown) != first


def test_nothing_but_these_is_shown() -> None:
    text = generate_latest(registry(dict, dict)).decode()
    assert "python_info" not in text
    assert "process_" not in text


def test_what_the_pipeline_counts_is_shown() -> None:
    site = Kerbside().connect().say()
    site.turn(site.message(b"not JSON"))
    found = samples(dict(site.ingest.counts()), {})
    assert found["edge_agent_events_total", "messages"] == 2.0
    assert found["edge_agent_events_total", "quarantined"] == 1.0

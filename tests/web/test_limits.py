"""Token buckets."""

from __future__ import annotations

from edge_agent.adapters.web.limits import TokenBuckets
from tests.web.conftest import Clock


def test_a_burst_passes_and_then_the_rate_holds(clock: Clock) -> None:
    buckets = TokenBuckets(rate=2, burst=3, clock=clock)
    assert [buckets.take("a") for _ in range(4)] == [0, 0, 0, 0.5]
    clock.now += 0.5
    assert [buckets.take("a") for _ in range(2)] == [0, 0.5]


def test_waiting_longer_fills_a_bucket_no_further_than_its_brim(clock: Clock) -> None:
    buckets = TokenBuckets(rate=2, burst=3, clock=clock)
    buckets.take("a")
    clock.now += 1_000_000
    assert [buckets.take("a") > 0 for _ in range(4)] == [False, False, False, True]


def test_names_do_not_share_a_bucket(clock: Clock) -> None:
    buckets = TokenBuckets(rate=1, burst=1, clock=clock)
    assert [buckets.take(name) for name in "abab"] == [0, 0, 1, 1]


def test_the_table_is_bounded_and_forgets_who_was_idle_longest(clock: Clock) -> None:
    buckets = TokenBuckets(rate=1, burst=1, clock=clock, room=2)
    for name in ("a", "b", "a", "c"):
        buckets.take(name)
    assert list(buckets._buckets) == ["a", "c"]

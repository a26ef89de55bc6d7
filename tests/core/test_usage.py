"""The profile of an EVSE's use."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from edge_agent.core.usage import BINS, NEVER_USED, Usage, bin_of, usage_after

MONDAY = datetime(2025, 9, 29, tzinfo=UTC)
HOUR_S = 3600.0


def weeks(count: int, busy: frozenset[int]) -> Usage:
    """Return the usage after so many weeks in which it charged in the workday hours `busy` alone."""
    usage = NEVER_USED
    for hour in range(count * 7 * 24):
        at = MONDAY + timedelta(hours=hour)
        charging = at.weekday() < 5 and at.hour in busy
        usage = usage_after(usage, at, HOUR_S, charging=charging)
    return usage


def test_a_week_must_be_seen_before_it_tells_anything() -> None:
    usage = usage_after(NEVER_USED, MONDAY, HOUR_S, charging=True)
    assert not usage.known
    assert usage.relative(MONDAY, 2.0) == 2.0


def test_an_hour_in_which_it_is_always_used_is_worth_many_average_ones() -> None:
    usage = weeks(2, frozenset({17}))
    assert usage.known
    assert usage.relative(MONDAY + timedelta(hours=17), 1.0) == pytest.approx(7 * 24 / 5, rel=0.05)
    assert usage.relative(MONDAY + timedelta(hours=3), 2.0) == 0.0


def test_work_that_lasts_into_a_busy_hour_costs_that_part_of_it() -> None:
    usage = weeks(2, frozenset({17}))
    whole = usage.relative(MONDAY + timedelta(hours=17), 1.0)
    assert usage.relative(MONDAY + timedelta(hours=16), 1.5) == pytest.approx(whole / 2)


def test_one_that_is_never_used_loses_average_hours() -> None:
    assert weeks(2, frozenset()).relative(MONDAY, 3.0) == 3.0


def test_a_long_silence_counts_an_hour_at_most() -> None:
    assert sum(usage_after(NEVER_USED, MONDAY, 86_400.0, charging=True).seen_s) == HOUR_S


def test_workdays_and_weekends_are_apart() -> None:
    assert bin_of(MONDAY) == 0
    assert bin_of(MONDAY + timedelta(days=5, hours=23)) == BINS - 1


def test_old_weeks_fade_when_its_use_changes() -> None:
    usage = weeks(4, frozenset({9}))
    for hour in range(20 * 7 * 24):
        at = MONDAY + timedelta(hours=hour)
        usage = usage_after(usage, at, HOUR_S, charging=at.weekday() < 5 and at.hour == 15)
    nine, three = (usage.relative(MONDAY + timedelta(hours=hour), 1.0) for hour in (9, 15))
    assert three > 8 * nine

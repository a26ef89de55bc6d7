"""The time, and how far it can be trusted."""

from __future__ import annotations

from datetime import UTC, timedelta

from edge_agent.clock import ReplayClock, SystemClock
from tests.rig.fakes import START


def test_the_systems_time_is_aware_and_in_utc() -> None:
    assert SystemClock().now().tzinfo is UTC


def test_monotonic_time_only_grows() -> None:
    clock = SystemClock()
    assert clock.monotonic() <= clock.monotonic()


def test_a_clock_that_nothing_stepped_is_trusted_or_unsynced() -> None:
    clock = SystemClock()
    assert {clock.trust(), clock.trust()} <= {"trusted", "unsynced"}


def test_a_clock_that_jumped_is_stepped_and_stays_so() -> None:
    clock = SystemClock()
    clock._offset += 3.0  # as if the wall clock had gone back by so much
    assert [clock.look(), clock.look()] == [1, 1]
    assert [clock.trust(), clock.trust()] == ["stepped", "stepped"]


def test_a_clock_that_is_slewed_is_not_stepped() -> None:
    clock = SystemClock()
    for _ in range(10):
        clock._offset += 0.5
        assert clock.trust() != "stepped"


def test_a_replays_time_is_the_logs() -> None:
    clock = ReplayClock(START)
    before = clock.monotonic()
    clock.at += timedelta(seconds=90)
    assert clock.now() == START + timedelta(seconds=90)
    assert clock.monotonic() - before == 90.0
    assert clock.trust() == "trusted"

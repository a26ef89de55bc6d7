"""Ticks by APScheduler itself, at intervals short enough to be waited for."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from threading import Event, current_thread

import pytest

from edge_agent.adapters.scheduler import Scheduler
from tests.rig.waiting import Journal

WITHIN_S = 20.0
SOON_S = 0.05


@pytest.fixture
def journal() -> Journal[str]:
    return Journal("ticks")


@pytest.fixture
def stopping() -> Iterator[list[Scheduler]]:
    """Schedulers to stop after the test."""
    schedulers: list[Scheduler] = []
    yield schedulers
    for scheduler in schedulers:
        scheduler.stop()


def test_a_tick_comes_again_and_again_on_a_thread_of_its_own(
    journal: Journal[str], stopping: list[Scheduler]
) -> None:
    scheduler = Scheduler({"tick": (SOON_S, lambda: journal.add(current_thread().name))})
    stopping.append(scheduler)
    scheduler.start()
    journal.wait_until("three", lambda all_: all_[2] if len(all_) > 2 else None, within_s=WITHIN_S)
    assert current_thread().name not in journal.entries()


def test_a_tick_that_raises_is_logged_and_comes_again(
    journal: Journal[str], stopping: list[Scheduler], caplog: pytest.LogCaptureFixture
) -> None:
    def tick() -> None:
        journal.add("tick")
        raise RuntimeError("the pipeline is busy")

    scheduler = Scheduler({"tick": (SOON_S, tick)})
    stopping.append(scheduler)
    with caplog.at_level(logging.ERROR):
        scheduler.start()
        journal.wait_until("two", lambda all_: all_[1] if len(all_) > 1 else None, within_s=WITHIN_S)
    assert "the pipeline is busy" in caplog.text


def test_a_tick_that_hangs_does_not_pile_up_and_does_not_keep_others_from_coming(
    journal: Journal[str], stopping: list[Scheduler]
) -> None:
    over = Event()

    def hang() -> None:
        journal.add("slow")
        over.wait(WITHIN_S)

    scheduler = Scheduler({"slow": (SOON_S, hang), "quick": (SOON_S, lambda: journal.add("quick"))})
    stopping.append(scheduler)
    scheduler.start()
    journal.wait_until("five", lambda all_: "quick" if all_.count("quick") >= 5 else None, within_s=WITHIN_S)
    hanging = journal.entries().count("slow")
    over.set()
    assert hanging == 1


def test_after_a_step_of_the_clock_the_next_tick_is_an_interval_away_by_the_new_time(
    stopping: list[Scheduler],
) -> None:
    scheduler = Scheduler({"tick": (60.0, lambda: None)})
    stopping.append(scheduler)
    scheduler.start()
    job = scheduler._scheduler.get_job("tick")
    job.modify(next_run_time=datetime.now(UTC) + timedelta(hours=1))  # as the clock went back an hour
    scheduler.clock_stepped()
    away = scheduler._scheduler.get_job("tick").next_run_time - datetime.now(UTC)
    assert timedelta() < away <= timedelta(seconds=60)


def test_after_stop_nothing_ticks_and_stopping_again_is_harmless(journal: Journal[str]) -> None:
    scheduler = Scheduler({"tick": (SOON_S, lambda: journal.add("tick"))})
    scheduler.start()
    journal.wait_for("one", lambda _: True, within_s=WITHIN_S)
    scheduler.stop()
    assert not scheduler._scheduler.running
    scheduler.stop()


def test_one_that_was_never_started_may_be_stopped() -> None:
    Scheduler({}).stop()

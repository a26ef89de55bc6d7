"""When technicians can come."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import islice
from zoneinfo import ZoneInfo

from edge_agent.core.slots import slots
from edge_agent.core.terms import Terms

WEDNESDAY = datetime(2025, 10, 1, 12, 30, tzinfo=UTC)


def test_slots_are_full_hours_of_the_technicians_day_that_leave_time_for_the_work() -> None:
    told = [at.hour for at in islice(slots(WEDNESDAY, Terms(), 0.0), 3)]
    assert told == [13, 14, 15]


def test_after_their_day_comes_their_next_day() -> None:
    friday_evening = datetime(2025, 10, 3, 18, 0, tzinfo=UTC)
    assert next(slots(friday_evening, Terms(), 0.0)) == datetime(2025, 10, 6, 8, 0, tzinfo=UTC)


def test_no_slot_lies_on_a_holiday_or_a_day_off() -> None:
    terms = Terms(technician_days=frozenset({2, 3}), holidays=frozenset({date(2025, 10, 2)}))
    days = {at.date() for at in slots(WEDNESDAY, terms, 0.0)}
    assert date(2025, 10, 2) not in days
    assert {day.weekday() for day in days} == {2, 3}


def test_no_slot_lies_before_the_part_is_there() -> None:
    assert next(slots(WEDNESDAY, Terms(), 2.0)) == datetime(2025, 10, 3, 13, 0, tzinfo=UTC)


def test_hours_are_the_sites_own() -> None:
    terms = Terms(time_zone=ZoneInfo("America/New_York"))
    assert next(slots(WEDNESDAY, terms, 0.0)) == datetime(2025, 10, 1, 13, 0, tzinfo=UTC)
    assert next(slots(WEDNESDAY.replace(hour=6), terms, 0.0)) == datetime(2025, 10, 1, 12, 0, tzinfo=UTC)


def test_work_longer_than_their_day_begins_with_it() -> None:
    terms = Terms(preventive_downtime_hours=30.0)
    assert {at.hour for at in slots(WEDNESDAY, terms, 0.0)} == {8}

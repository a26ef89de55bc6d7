"""What may leave the store, and in which order."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.core.retention import (
    LOCAL,
    Cut,
    Room,
    Shelf,
    StoreBounds,
    Worth,
    kept_for,
    next_cut,
    shortage,
)

BOUNDS = StoreBounds(
    max_bytes=1000, min_free_bytes=100, raw_days=30, quarantine_bytes=10, unsent_days=90, consumers={}
)
FULL = 1
ENOUGH = 0

WORTHS = st.sampled_from(Worth)
NUMBERS = st.integers(0, 60)
SHELVES = st.lists(
    st.builds(Shelf, WORTHS, st.integers(1, 50), NUMBERS, NUMBERS, NUMBERS),
    unique_by=lambda shelf: shelf.worth,
)


def emptied(shelves: list[Shelf], short_bytes: int) -> list[Cut]:
    """Return every cut until nothing more may go."""
    cuts = []
    while (cut := next_cut(shelves, short_bytes, 7)) is not None:
        cuts.append(cut)
        shelves = [
            shelf._replace(first=cut.through + 1) if shelf.worth is cut.worth else shelf for shelf in shelves
        ]
    return cuts


@pytest.mark.parametrize(
    ("room", "short"),
    [
        (Room(file=900, reusable=0, free=500), 0),
        (Room(file=1500, reusable=600, free=500), 0),
        (Room(file=1500, reusable=100, free=500), 400),
        (Room(file=900, reusable=20, free=50), 30),
        (Room(file=900, reusable=80, free=50), 0),
    ],
)
def test_what_is_free_inside_the_file_counts_as_room(room: Room, short: int) -> None:
    assert shortage(room, BOUNDS) == short


def test_with_room_enough_only_what_has_served_and_aged_goes() -> None:
    shelves = [
        Shelf(Worth.RAW, 1, 100, served=80, aged=50),
        Shelf(Worth.ANSWER_RECORD, 1, 100, served=5, aged=0),
    ]

    assert emptied(shelves, ENOUGH)[-1] == Cut(Worth.ANSWER_RECORD, 1, 5, unsent=0)
    assert max(cut.through for cut in emptied(shelves[:1], ENOUGH)) == 50


def test_raw_readings_that_no_snapshot_holds_never_go() -> None:
    shelves = [Shelf(Worth.RAW, 1, 100, served=80, aged=100)]

    assert max(cut.through for cut in emptied(shelves, FULL)) == 80


def test_untold_records_go_for_room_and_are_counted() -> None:
    cut = next_cut([Shelf(Worth.READING_RECORD, 10, 100, served=12, aged=0)], FULL, 5)
    assert cut == Cut(Worth.READING_RECORD, 10, 12, unsent=0)  # what was told goes first

    cut = next_cut([Shelf(Worth.READING_RECORD, 13, 100, served=12, aged=0)], FULL, 5)
    assert cut == Cut(Worth.READING_RECORD, 13, 17, unsent=5)


def test_untold_alerts_stay_however_short_room_is() -> None:
    assert next_cut([Shelf(Worth.ALERT_RECORD, 1, 100, served=0, aged=0)], FULL, 5) is None


def test_a_year_old_alert_goes_told_or_not() -> None:
    cut = next_cut([Shelf(Worth.ALERT_RECORD, 1, 100, served=0, aged=3)], ENOUGH, 5)

    assert cut == Cut(Worth.ALERT_RECORD, 1, 3, unsent=3)
    assert kept_for(Worth.ALERT_RECORD, BOUNDS) == timedelta(days=365)


def test_ages_are_the_bounds_own() -> None:
    assert kept_for(Worth.RAW, BOUNDS) == timedelta(days=30)
    assert kept_for(Worth.ANSWER_RECORD, BOUNDS) == timedelta(days=90)


@given(SHELVES)
def test_what_is_worth_less_goes_before_what_is_worth_more(shelves: list[Shelf]) -> None:
    due = len(emptied(shelves, ENOUGH))
    worths = [cut.worth for cut in emptied(shelves, FULL)]

    assert worths[:due] == sorted(worths[:due])
    assert worths[due:] == sorted(worths[due:])


@given(SHELVES)
def test_the_newest_record_of_a_stream_always_stays(shelves: list[Shelf]) -> None:
    last = {shelf.worth: shelf.last for shelf in shelves}

    for cut in emptied(shelves, FULL):
        assert cut.worth in LOCAL or cut.through < last[cut.worth]


@given(SHELVES, st.integers(1, 20))
def test_a_cut_is_bounded(shelves: list[Shelf], most: int) -> None:
    cut = next_cut(shelves, FULL, most)

    assert cut is None or 1 <= cut.through - cut.first + 1 <= most

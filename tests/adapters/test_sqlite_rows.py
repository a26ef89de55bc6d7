"""What goes into the store comes out equal, whatever it is."""

from __future__ import annotations

import zlib
from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.adapters.sqlite import reading_rows, rows
from edge_agent.adapters.sqlite.times import microseconds, moment_of
from edge_agent.core.charger import Charger
from edge_agent.ports import Commit
from edge_agent.wire.metrics import Metrics, Quantities
from edge_agent.wire.reading import Reading
from tests.adapters import sqlite_samples as samples


def test_the_samples_know_every_field_of_a_reading() -> None:
    assert set(Reading._fields) == set(samples.READING_FIELDS)
    assert set(Quantities.model_fields) == set(samples.FIELDS)


def test_every_field_of_metrics_that_quantities_lack_is_compared_with_the_reading() -> None:
    assert set(Metrics.model_fields) - set(Quantities.model_fields) == set(reading_rows.REPEATED)


@given(samples.TIMES)
def test_a_time_keeps_its_microseconds(moment: datetime) -> None:
    assert moment_of(microseconds(moment)) == moment
    assert moment_of(microseconds(moment)).isoformat() == moment.isoformat()


@given(samples.READINGS)
def test_a_reading_comes_back_equal_and_of_the_same_kind(reading: Reading) -> None:
    row = reading_rows.reading_row(7, samples.EVSE, reading)

    evse, back = reading_rows.reading_of(row[1:])

    assert (evse, back) == (samples.EVSE, reading)
    assert type(back.metrics) is type(reading.metrics)
    assert back.metrics.model_fields_set == reading.metrics.model_fields_set


@given(samples.READINGS)
def test_a_reading_comes_back_equal_from_the_file(reading: Reading) -> None:
    store = samples.opened(":memory:")
    store.commit(Commit(readings=[(samples.EVSE, reading)]))

    ((evse, back),) = store.readings_since_snapshot()
    store.close()

    assert (evse, back) == (samples.EVSE, reading)
    assert back.metrics.model_fields_set == reading.metrics.model_fields_set


@settings(max_examples=200)
@given(st.lists(samples.READINGS, max_size=12), st.integers(0, 12))
def test_snapshot_and_readings_since_fold_to_the_same_charger(many: list[Reading], cut: int) -> None:
    """Whatever was snapped in between, a start arrives where the pipeline stood."""
    store = samples.opened(":memory:")
    snapped = samples.folded(None, many[:cut])
    store.commit(
        Commit(readings=[(samples.EVSE, each) for each in many[:cut]], snapshot={samples.EVSE: snapped})
    )
    store.commit(Commit(readings=[(samples.EVSE, each) for each in many[cut:]]))

    restored = store.restore().chargers[samples.EVSE]
    since = [reading for _, reading in store.readings_since_snapshot()]
    store.close()

    assert since == many[cut:]
    assert restored == snapped
    assert type(restored.now) is type(snapped.now)
    assert samples.folded(restored, since) == samples.folded(snapped, many[cut:])


def test_a_charger_that_cannot_be_read_costs_no_other_one() -> None:
    sound = samples.folded(None, [samples.reading(1)])
    packed = rows.packed_chargers([sound, sound])
    lines = zlib.decompress(packed).splitlines()
    lines[0] = lines[0].replace(b'"readings":1', b'"readings":"many"')

    found: list[Charger | None] = list(rows.unpacked_chargers(zlib.compress(b"\n".join(lines))))

    assert found == [None, sound]


def test_a_quantity_beyond_belief_is_unknown_after_a_restart_and_the_charger_kept() -> None:
    charger = samples.folded(None, [samples.reading(1)])
    absurd = replace(charger, now=charger.now.model_copy(update={"energy_delivered": 1e300}))

    (found,) = rows.unpacked_chargers(rows.packed_chargers([absurd]))

    assert found == replace(charger, now=charger.now.model_copy(update={"energy_delivered": None}))


def test_a_damaged_snapshot_says_so() -> None:
    with pytest.raises(ValueError, match="damaged"):
        list(rows.unpacked_chargers(b"not zlib"))

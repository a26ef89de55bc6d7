"""Charts from the store: from raw readings, and from the sums of hours, which tell the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from edge_agent.adapters.sqlite import SqliteReader
from edge_agent.ports import Commit
from edge_agent.wire.metrics import ConnectorStatus, Metrics
from edge_agent.wire.reading import Reading, Source
from edge_agent.wire.types import EvseId
from tests.adapters.sqlite_samples import opened

EVSE = EvseId("A", 1)
T0 = datetime(2026, 5, 1, 8, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


def sample(minute: int, power: float | None, temperature: float | None = 20.0, **changed: Any) -> Reading:
    metrics = Metrics(connector_status=ConnectorStatus.CHARGING, power=power, temperature=temperature)
    return Reading("A", 1, metrics, T0 + minute * MINUTE, Source.METRICS)._replace(**changed)


def kept(path: Path, *readings: Reading, evse: EvseId = EVSE) -> SqliteReader:
    store = opened(path)
    store.commit(Commit(readings=[(evse, each) for each in readings]))
    while store.sum_up():
        pass
    store.close()
    return SqliteReader(path)


def test_a_step_has_the_least_the_mean_and_the_greatest_of_what_was_told(tmp_path: Path) -> None:
    reader = kept(tmp_path / "s", sample(0, 2.0), sample(1, 4.0), sample(2, None, None), sample(10, 7.0))
    steps = reader.steps(EVSE, T0, T0 + DAY, 300)

    assert steps.at == [T0, T0 + 10 * MINUTE]
    power, temperature = steps.series["power"], steps.series["temperature"]
    assert (power.min, power.mean, power.max) == ([2.0, 7.0], [3.0, 7.0], [4.0, 7.0])
    assert temperature.mean == [20.0, 20.0]


def test_what_was_never_told_is_null_and_not_nought(tmp_path: Path) -> None:
    steps = kept(tmp_path / "s", sample(0, 2.0, None)).steps(EVSE, T0, T0 + DAY, 3_600)
    assert steps.series["temperature"].mean == [None]


@pytest.mark.parametrize("at_once", [1, 7, 200])
def test_however_often_readings_are_summed_up_their_hours_tell_the_same(tmp_path: Path, at_once: int) -> None:
    told = [(None if minute % 3 else float(minute), float(minute % 7)) for minute in range(60)]
    readings = [sample(minute, *each) for minute, each in enumerate(told)]
    reader = kept(tmp_path / "s")
    for first in range(0, 60, at_once):
        kept(tmp_path / "s", *readings[first : first + at_once])
    summed = reader.steps(EVSE, T0, T0 + DAY, 3_600)

    assert (summed.series["power"].min, summed.series["power"].max) == ([0.0], [57.0])
    assert summed.series["power"].mean == [pytest.approx(sum(range(0, 60, 3)) / 20)]
    assert summed.series["temperature"].mean == [pytest.approx(sum(each for _, each in told) / 60)]


def test_what_the_broker_kept_and_what_others_said_is_no_part_of_it(tmp_path: Path) -> None:
    path = tmp_path / "s"
    kept(path, sample(0, 99.0), evse=EvseId("B", 1))
    reader = kept(path, sample(0, 1.0, retained=True), sample(1, 5.0))
    assert [reader.steps(EVSE, T0, T0 + DAY, step).series["power"].max for step in (60, 3_600)] == [[5.0]] * 2


def test_what_comes_in_a_burst_counts_where_it_was_measured(tmp_path: Path) -> None:
    late = sample(120, 5.0, burst=True, measured_at=T0 + 3 * MINUTE)
    unknown = sample(120, 9.0, burst=True)
    reader = kept(tmp_path / "s", late, unknown)
    assert reader.steps(EVSE, T0, T0 + DAY, 60).at == [T0 + 3 * MINUTE]
    assert reader.steps(EVSE, T0, T0 + DAY, 3_600).at == [T0]


def test_hours_outlive_the_readings_and_go_when_they_are_old(tmp_path: Path) -> None:
    path = tmp_path / "s"
    reader = kept(path, sample(0, 3.0))
    store = opened(path)
    gone = store.trim(T0 + 1_000 * DAY)
    store.close()
    assert gone["hours"] == 1
    assert reader.steps(EVSE, T0, T0 + DAY, 3_600).at == []

"""Outages, attempts, work and gaps on a real file: kept with the commit, found again, gone when aged."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from edge_agent.adapters.sqlite import SqliteReader
from edge_agent.adapters.sqlite.facts import COLUMNS, TABLES
from edge_agent.adapters.sqlite.migrations import migrate
from edge_agent.ports import Commit
from edge_agent.wire.alert import Alert, AlertState, AlertType, Severity
from edge_agent.wire.service import (
    Attempt,
    Cause,
    Change,
    Deed,
    DeviceChange,
    Downtime,
    Episode,
    Fact,
    Gap,
    Score,
    Sign,
    Stage,
    Verdict,
    WorkAction,
    WorkDone,
)
from tests.adapters.sqlite_samples import BOUNDS, T0, opened

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
DOWNTIME = Downtime(
    charger_id="CHG_001",
    connector_id=1,
    began_at=T0,
    ended_at=T0 + HOUR,
    sign=Sign.FAULTY,
    cause=Cause.OWN_FAULT,
    codes=("GroundFailure", "Ω"),
    excluded=False,
    failure=True,
)
ATTEMPT = Attempt(
    charger_id="CHG_001",
    connector_id=1,
    started_at=T0,
    ended_at=T0 + HOUR,
    failed_at=Stage.ENERGISE,
    energy_kwh=None,
    number=2,
)
WORK = WorkDone(
    maintenance_id="w-1",
    charger_id="CHG_001",
    connector_id=1,
    alert_ids=("a-1",),
    verdict=Verdict.CONFIRMED,
    part="fan",
    action=WorkAction.REPLACED,
    finished_at=T0,
    by="AB",
)
GAP = Gap(since=T0, until=T0 + HOUR)
EPISODE = Episode(
    alert_id="a-1",
    charger_id="CHG_001",
    connector_id=1,
    raised_at=T0,
    cleared_at=None,
    probability=0.4,
    model_version="v1",
    vendor=None,
    firmware="1.2",
)
SCORE = Score(
    charger_id="CHG_001",
    connector_id=1,
    at=T0,
    model_version="v1",
    p1=0.1,
    p7=0.2,
    p30=0.3,
    vendor="V",
    firmware=None,
)
DEED = Deed(at=T0, who="0badcafe", action="acknowledge", subject="a-1", by="AB")
OVER = Alert(
    alert_id="a-1",
    charger_id="CHG_001",
    connector_id=1,
    alert_type=AlertType.CHARGER_FAULTED,
    severity=Severity.CRITICAL,
    state=AlertState.CLEARED,
    raised_at=T0,
    updated_at=T0 + HOUR,
    cleared_at=T0 + HOUR,
    silenced_until=T0 + DAY,
    message="Ω",
    evidence={"reading": {"power": 1.5}},
    seq=7,
)
CHANGE = DeviceChange(
    charger_id="CHG_001", connector_ids=(0, 1), at=T0, change=Change.REPLACED, by="AB", note="Ω"
)
ALL: list[Fact] = [DOWNTIME, ATTEMPT, WORK, GAP, EPISODE, SCORE, DEED, OVER, CHANGE]


def test_every_fact_is_found_again_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "s"
    store = opened(path)
    store.commit(Commit(facts=ALL))
    store.close()

    kept = SqliteReader(path).service(T0, T0 + DAY)
    learnt = SqliteReader(path).lessons(T0, T0 + DAY)

    assert [*kept.downtime, *kept.attempts, *kept.work, *kept.gaps] == [DOWNTIME, ATTEMPT, WORK, GAP]
    assert [*learnt.episodes, *learnt.scores] == [EPISODE, SCORE]
    assert SqliteReader(path).audit(T0, T0 + DAY) == [DEED]
    assert SqliteReader(path).past_alerts(T0, T0 + DAY) == [OVER]


def test_the_newest_of_one_charger_are_found_without_those_of_others(tmp_path: Path) -> None:
    path = tmp_path / "s"
    store = opened(path)
    mine = [ATTEMPT.model_copy(update={"ended_at": T0 + number * HOUR}) for number in range(1, 6)]
    others = [each.model_copy(update={"charger_id": "CHG_002"}) for each in mine]
    store.commit(Commit(facts=[fact for pair in zip(mine, others, strict=True) for fact in pair]))
    store.close()
    reader = SqliteReader(path)

    assert reader.newest(Attempt, "CHG_001", T0, 3) == mine[:1:-1]
    assert reader.newest(Attempt, "CHG_001", T0 + 4 * HOUR, 9) == mine[:2:-1]
    assert reader.newest(WorkDone, "CHG_001", T0, 9) == []


def test_what_speaks_of_another_time_is_not_found(tmp_path: Path) -> None:
    store = opened(tmp_path / "s")
    store.commit(Commit(facts=ALL))
    store.close()
    reader = SqliteReader(tmp_path / "s")

    overlapping = reader.service(T0 + HOUR / 2, T0 + DAY)
    before = reader.service(T0 - DAY, T0)

    assert (overlapping.downtime, overlapping.gaps, overlapping.work) == ([DOWNTIME], [GAP], [])
    assert (before.downtime, before.attempts, before.gaps, before.work) == ([], [], [], [])


def test_what_bears_a_name_replaces_what_bore_it(tmp_path: Path) -> None:
    store = opened(tmp_path / "s")
    cleared = EPISODE.model_copy(update={"cleared_at": T0 + HOUR})
    store.commit(Commit(facts=[EPISODE, WORK]))
    store.commit(Commit(facts=[cleared, WORK]))
    store.close()
    reader = SqliteReader(tmp_path / "s")

    assert reader.lessons(T0, T0 + DAY).episodes == [cleared]
    assert reader.service(T0, T0 + DAY).work == [WORK]


def test_work_is_found_by_its_name(tmp_path: Path) -> None:
    store = opened(tmp_path / "s")
    store.commit(Commit(facts=[WORK]))

    assert store.work("w-1") == WORK
    assert store.work("w-2") is None
    store.close()


def test_a_start_remembers_the_gaps(tmp_path: Path) -> None:
    store = opened(tmp_path / "s")
    later = Gap(since=T0 + DAY, until=T0 + DAY + HOUR)
    store.commit(Commit(facts=[GAP, later]))
    store.close()

    store = opened(tmp_path / "s")
    assert store.restore().gaps == [GAP, later]
    store.close()


def test_facts_go_when_they_are_older_than_they_are_kept(tmp_path: Path) -> None:
    store = opened(tmp_path / "s", replace(BOUNDS, rollup_days=10))
    store.commit(Commit(facts=ALL))

    assert not set(store.trim(T0 + 9 * DAY)) & {table.name for table in TABLES.values()}
    gone = store.trim(T0 + 12 * DAY)

    assert gone == {table.name: 1 for table in TABLES.values()}
    store.close()


def test_without_room_attempts_go_before_outages_and_work_stays(tmp_path: Path) -> None:
    store = opened(tmp_path / "s", replace(BOUNDS, max_bytes=1))
    store.commit(Commit(facts=ALL))

    gone = store.trim(T0 + HOUR)
    store.close()

    assert gone == {"attempts": 1, "downtime": 1, "scores": 1}
    assert SqliteReader(tmp_path / "s").service(T0, T0 + DAY).work == [WORK]


@pytest.mark.parametrize("kind", TABLES)
def test_every_field_has_a_column_of_its_name(kind: type[Fact]) -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        migrate(connection)
        told = connection.execute(f"PRAGMA table_info({TABLES[kind].name})").fetchall()

    assert {name for _, name, *_ in told if name != "id"} == set(COLUMNS[kind])

"""The store on a real file: what is committed is kept, whole, and found again."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from edge_agent.adapters.sqlite import SqliteReader
from edge_agent.adapters.sqlite.migrations import DIRECTORY, migrate
from edge_agent.core.signs import Watch
from edge_agent.ingest.redelivery import REDELIVERY_WINDOW
from edge_agent.ports import Commit, Delivered, Quarantined
from edge_agent.wire.alert import Alert, AlertState, AlertType, Severity
from edge_agent.wire.answers import CostBenefit, MaintenanceAnswer, Resolution, SuggestionState, Urgency
from edge_agent.wire.outbox import Stream
from edge_agent.wire.types import EvseId
from tests.adapters.sqlite_samples import EVSE, T0, folded, opened, reading, readings, record

ALERT = Alert(
    alert_id="a1",
    charger_id="CHG_001",
    connector_id=1,
    alert_type=AlertType.CHARGER_FAULTED,
    severity=Severity.CRITICAL,
    state=AlertState.OPEN,
    raised_at=T0,
    updated_at=T0,
    message="Out of order.",
    evidence={"reading": {"power": None}, "anomaly_score": 95.0},
)
WATCH = Watch(signs=2, since=T0, alert=ALERT)


def suggestion(name: str, state: SuggestionState = SuggestionState.PROPOSED) -> MaintenanceAnswer:
    return MaintenanceAnswer(
        charger_id="CHG_001",
        connector_ids=[1],
        suggestion_id=name,
        recommended_date=T0,
        recommended_maintenance_datetime=T0,
        urgency=Urgency.HIGH,
        urgency_level=Urgency.HIGH,
        estimated_downtime_hours=2.0,
        cost_benefit=CostBenefit(
            preventive_maintenance_cost=1.0, expected_failure_cost=2.0, net_savings=1.0, currency="EUR"
        ),
        rationale=["It is due."],
        action_required=True,
        resolution=Resolution.SITE_VISIT,
        state=state,
        model_version="optimizer-1",
        timestamp=T0,
    )


def test_a_fresh_store_remembers_nothing(tmp_path: Path) -> None:
    store = opened(tmp_path / "store.sqlite")

    kept = store.restore()

    assert (kept.chargers, kept.watches, kept.suggestions, kept.delivered) == ({}, {}, [], [])
    assert kept.last_seq == dict.fromkeys(Stream, 0)
    assert kept.cursors[("uplink", Stream.ANSWERS)] == 0
    assert list(store.readings_since_snapshot()) == []
    store.close()


def test_all_of_a_commit_is_found_after_reopening(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    store = opened(path)
    store.commit(
        Commit(
            readings=[(EVSE, reading(1))],
            watches={(EVSE, AlertType.CHARGER_FAULTED): WATCH},
            records=[record(1), record(1, Stream.ANSWERS), record(2)],
            delivered=[Delivered(65535, b"12345678"), Delivered(2, bytes(8))],
            cursors={("mqtt", Stream.ALERTS): 2},
            suggestions=[suggestion("s1")],
        )
    )
    store.close()

    store = opened(path)
    kept = store.restore()
    assert list(store.readings_since_snapshot()) == [(EVSE, reading(1))]
    assert kept.watches == {EVSE: {AlertType.CHARGER_FAULTED: WATCH}}
    assert kept.delivered == [Delivered(65535, b"12345678"), Delivered(2, bytes(8))]
    assert kept.cursors[("mqtt", Stream.ALERTS)] == 2
    assert kept.suggestions == [suggestion("s1")]
    assert kept.last_seq == {Stream.ALERTS: 2, Stream.ANSWERS: 1, Stream.READINGS: 0}
    assert store.records_after(Stream.ALERTS, 0, 10) == [record(1), record(2)]
    store.close()


def test_the_latest_of_watch_suggestion_and_cursor_counts(tmp_path: Path) -> None:
    store = opened(tmp_path / "store.sqlite")
    other = EvseId("CHG_002", 1)
    key = (EVSE, AlertType.CHARGER_FAULTED)
    store.commit(
        Commit(
            watches={key: WATCH, (other, AlertType.TAMPER): Watch(signs=1)}, suggestions=[suggestion("s1")]
        )
    )

    store.commit(
        Commit(
            watches={key: Watch(signs=9), (other, AlertType.TAMPER): None},
            suggestions=[suggestion("s1", SuggestionState.DONE)],
            cursors={("mqtt", Stream.ALERTS): 5},
        )
    )

    kept = store.restore()
    assert kept.watches == {EVSE: {AlertType.CHARGER_FAULTED: Watch(signs=9)}}
    assert [each.state for each in kept.suggestions] == [SuggestionState.DONE]
    assert kept.cursors[("mqtt", Stream.ALERTS)] == 5
    store.close()


def test_a_snapshot_holds_the_readings_of_its_own_commit(tmp_path: Path) -> None:
    store = opened(tmp_path / "store.sqlite")
    charger = folded(None, [reading(1), reading(2)])
    store.commit(Commit(readings=[(EVSE, reading(1)), (EVSE, reading(2))], snapshot={EVSE: charger}))
    store.commit(readings(range(3, 5)))

    assert store.restore().chargers == {EVSE: charger}
    assert [each.metrics.energy_delivered for _, each in store.readings_since_snapshot()] == [3.0, 4.0]
    store.close()


def test_a_reading_keeps_the_evse_that_it_was_found_to_be_about(tmp_path: Path) -> None:
    store = opened(tmp_path / "store.sqlite")
    unnamed = reading(1)._replace(connector_id=None, transaction_id="77")
    store.commit(Commit(readings=[(EVSE, unnamed)]))

    assert list(store.readings_since_snapshot()) == [(EVSE, unnamed)]
    store.close()


def test_records_come_in_order_and_as_many_as_asked_for(tmp_path: Path) -> None:
    store = opened(tmp_path / "store.sqlite")
    store.commit(Commit(records=[record(seq, Stream.READINGS) for seq in range(1, 8)]))

    assert [each.seq for each in store.records_after(Stream.READINGS, 2, 3)] == [3, 4, 5]
    assert store.records_after(Stream.READINGS, 7, 3) == []
    store.close()


def test_a_record_of_a_type_that_only_a_newer_agent_knows_goes_up_as_it_is(tmp_path: Path) -> None:
    store = opened(tmp_path / "store.sqlite")
    store.commit(Commit(records=[record(1)]))
    store._connection.execute("UPDATE outbox_alerts SET type = 'forecast'")

    assert store.records_after(Stream.ALERTS, 0, 1)[0].type == "forecast"
    store.close()


def test_the_redelivery_window_is_bounded_and_in_order(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    store = opened(path)
    sent = [Delivered(number % 65536, number.to_bytes(8)) for number in range(9_000)]
    for start in range(0, len(sent), 7):
        store.commit(Commit(delivered=sent[start : start + 7]))
    held = store._connection.execute("SELECT count(*) FROM delivered").fetchone()[0]
    store.close()

    store = opened(path)
    assert store.restore().delivered == sent[-REDELIVERY_WINDOW:]
    assert held * 7 < REDELIVERY_WINDOW + 600
    store.commit(Commit(delivered=sent[:1]))
    assert store.restore().delivered[-1] == sent[0]
    store.close()


def test_a_store_in_memory_works_alike() -> None:
    store = opened(":memory:")
    store.commit(readings(range(3)))

    assert len(list(store.readings_since_snapshot())) == 3
    assert store.usage().readings == 3
    assert store.trim(T0) == {}
    store.close()


def test_usage_tells_rows_bytes_and_backlogs_without_counting(tmp_path: Path) -> None:
    store = opened(tmp_path / "store.sqlite")
    store.commit(readings(range(5)))
    store.commit(
        Commit(
            records=[record(1), record(2), record(1, Stream.ANSWERS)],
            cursors={("mqtt", Stream.ALERTS): 1},
            quarantined=[Quarantined(T0, "t", "no JSON", b"x")],
        )
    )

    used = store.usage()

    assert (used.readings, used.quarantined) == (5, 1)
    assert used.oldest_reading_at == reading(0).received_at
    assert used.backlog == {"mqtt": 1, "uplink": 3}
    assert used.bytes_used > 0
    assert used.bytes_free > 0
    seen = SqliteReader(tmp_path / "store.sqlite").usage()
    assert replace(seen, bytes_free=used.bytes_free) == used
    store.close()


def test_a_reader_finds_the_newest_readings_of_an_evse_in_a_span(tmp_path: Path) -> None:
    store = opened(tmp_path / "store.sqlite")
    store.commit(readings(range(100)))
    store.commit(Commit(readings=[(EvseId("CHG_002", 1), reading(50)._replace(charger_id="CHG_002"))]))
    reader = SqliteReader(tmp_path / "store.sqlite")

    found = reader.readings(EVSE, T0 + timedelta(seconds=100), T0 + timedelta(seconds=200), 3)

    assert [each.metrics.energy_delivered for each in found] == [17.0, 18.0, 19.0]
    assert reader.readings(EVSE, T0 - timedelta(days=1), T0, 3) == []
    assert reader.faults() == []
    store.close()


def test_the_schema_is_strict_and_a_second_start_applies_nothing(tmp_path: Path) -> None:
    opened(tmp_path / "store.sqlite").close()

    with closing(sqlite3.connect(tmp_path / "store.sqlite", isolation_level=None)) as connection:
        ours = [
            (name, strict)
            for (_, name, kind, _, _, strict) in connection.execute("PRAGMA main.table_list")
            if kind == "table" and not name.startswith(("sqlite_", "_sqlite_"))
        ]
        assert migrate(connection) == []

    assert "readings" in dict(ours)
    assert all(strict for _, strict in ours)


def test_an_older_agent_uses_a_newer_store(tmp_path: Path) -> None:
    newer = tmp_path / "schema"
    newer.mkdir()
    for file in DIRECTORY.glob("*.sql"):
        (newer / file.name).write_text(file.read_text())
    (newer / "900_mood.sql").write_text(
        "ALTER TABLE readings ADD COLUMN mood TEXT;\nCREATE TABLE moods (id INTEGER PRIMARY KEY) STRICT;\n"
    )
    with closing(sqlite3.connect(tmp_path / "store.sqlite", isolation_level=None)) as connection:
        assert migrate(connection, newer)[-1] == "900_mood"

    store = opened(tmp_path / "store.sqlite")
    store.commit(readings(range(2)))

    assert len(list(store.readings_since_snapshot())) == 2
    store.close()


def test_a_migration_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "001_good.sql").write_text("CREATE TABLE good (id INTEGER PRIMARY KEY) STRICT;\n")
    (tmp_path / "002_bad.sql").write_text(
        "CREATE TABLE half (id INTEGER PRIMARY KEY) STRICT;\nINSERT INTO no VALUES (1);\n"
    )
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        with pytest.raises(sqlite3.OperationalError, match="no such table: no"):
            migrate(connection, tmp_path)
        tables = {
            name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
        }

    assert "good" in tables
    assert "half" not in tables


def test_a_start_on_a_current_store_does_not_import_sqlite_utils(tmp_path: Path) -> None:
    opened(tmp_path / "store.sqlite").close()
    script = (
        "import sys; from tests.adapters.sqlite_samples import opened; "
        f"opened({str(tmp_path / 'store.sqlite')!r}).close(); sys.exit('sqlite_utils' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_a_consumer_that_is_new_begins_at_nothing_and_one_that_is_gone_is_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    store = opened(path)
    store.commit(Commit(cursors={("mqtt", Stream.ALERTS): 4, ("webhook", Stream.ALERTS): 3}))
    store.close()

    store = opened(path)

    assert ("webhook", Stream.ALERTS) not in store.restore().cursors
    assert store.restore().cursors[("mqtt", Stream.ALERTS)] == 4
    store.close()

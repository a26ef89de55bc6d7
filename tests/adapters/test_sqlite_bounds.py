"""The store stays within its bounds, and gives up what is worth least first."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from edge_agent.adapters.sqlite import SqliteReader
from edge_agent.adapters.sqlite.opening import PAGE_BYTES
from edge_agent.adapters.sqlite.store import CUTS_A_TRIM, ROWS_A_CUT
from edge_agent.ports import Commit, Quarantined
from edge_agent.wire.answers import SuggestionState
from edge_agent.wire.outbox import Stream
from tests.adapters.sqlite_samples import BOUNDS, EVSE, T0, folded, opened, reading, readings, record
from tests.adapters.test_sqlite import suggestion

MONTH_LATER = T0 + timedelta(days=31)
TIGHT = replace(BOUNDS, max_bytes=1)


def snapped(numbers: range) -> Commit:
    """Return a commit of readings with a snapshot after them."""
    return replace(readings(numbers), snapshot={EVSE: folded(None, [reading(1)])})


def test_readings_go_when_they_are_old(tmp_path: Path) -> None:
    store = opened(tmp_path / "store.sqlite")
    store.commit(readings(range(10)))
    store.commit(Commit(readings=[(EVSE, reading(10, MONTH_LATER))], snapshot={}))

    assert store.trim(MONTH_LATER) == {"readings": 10}
    assert store.usage().oldest_reading_at == reading(10, MONTH_LATER).received_at
    assert store.trim(MONTH_LATER) == {}
    store.close()


def test_readings_after_the_snapshot_never_go(tmp_path: Path) -> None:
    store = opened(tmp_path / "store.sqlite", TIGHT)
    store.commit(snapped(range(10)))
    store.commit(readings(range(10, 15)))

    assert store.trim(MONTH_LATER) == {"readings": 10}
    assert len(list(store.readings_since_snapshot())) == 5
    store.close()


def test_numbers_go_on_where_every_reading_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    store = opened(path, TIGHT)
    store.commit(snapped(range(10)))
    store.trim(T0)
    assert store.usage().readings == 0
    store.close()

    store = opened(path, TIGHT)
    store.commit(readings(range(10, 12)))

    assert [each.metrics.energy_delivered for _, each in store.readings_since_snapshot()] == [10.0, 11.0]
    store.close()


def test_records_that_everyone_has_go_and_the_newest_stays_to_number_on(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    store = opened(path)
    for stream in Stream:
        store.commit(Commit(records=[record(seq, stream) for seq in range(1, 11)]))
    store.commit(
        Commit(
            cursors={
                ("uplink", Stream.READINGS): 10,
                ("uplink", Stream.ALERTS): 10,
                ("mqtt", Stream.ALERTS): 4,
            }
        )
    )

    assert store.trim(T0) == {"outbox_readings": 9, "outbox_alerts": 4}
    assert [each.seq for each in store.records_after(Stream.ALERTS, 0, 2)] == [5, 6]
    store.close()

    store = opened(path)
    assert store.restore().last_seq == dict.fromkeys(Stream, 10)
    store.close()


def test_for_want_of_room_all_goes_but_alerts_that_were_not_told(tmp_path: Path) -> None:
    store = opened(tmp_path / "store.sqlite", TIGHT)
    store.commit(snapped(range(10)))
    for stream in Stream:
        store.commit(Commit(records=[record(seq, stream) for seq in range(1, 11)]))
    store.commit(Commit(cursors={("uplink", Stream.ANSWERS): 3}))

    assert store.trim(T0) == {
        "readings": 10,
        "outbox_readings": 9,
        "outbox_readings unsent": 9,
        "outbox_answers": 9,
        "outbox_answers unsent": 6,
    }
    assert len(store.records_after(Stream.ALERTS, 0, 99)) == 10
    store.close()


def test_an_alert_that_nobody_fetched_goes_after_a_year(tmp_path: Path) -> None:
    store = opened(tmp_path / "store.sqlite")
    store.commit(Commit(records=[record(1), record(2, ts=T0 + timedelta(days=300)), record(3), record(4)]))

    assert store.trim(T0 + timedelta(days=364)) == {}
    assert store.trim(T0 + timedelta(days=366)) == {"outbox_alerts": 1, "outbox_alerts unsent": 1}
    store.close()


def test_an_untold_alert_by_a_clock_that_was_not_set_is_not_taken_for_old(tmp_path: Path) -> None:
    store = opened(tmp_path / "store.sqlite")
    dated = [record(1), record(2)]
    store.commit(Commit(records=[each.model_copy(update={"clock": "unsynced"}) for each in dated]))

    assert store.trim(T0 + timedelta(days=5000)) == {}
    store.close()


def test_readings_by_a_clock_that_was_ahead_hold_nothing_up(tmp_path: Path) -> None:
    store = opened(tmp_path / "store.sqlite")
    ahead, old, young = reading(1, T0 + timedelta(days=3000)), reading(2), reading(3, MONTH_LATER)
    store.commit(Commit(readings=[(EVSE, ahead), (EVSE, old), (EVSE, young), (EVSE, old)], snapshot={}))

    assert store.trim(MONTH_LATER) == {"readings": 2}
    store.close()


def test_one_trim_is_bounded_and_the_next_goes_on(tmp_path: Path) -> None:
    store = opened(tmp_path / "store.sqlite", replace(BOUNDS, raw_days=0))
    most = ROWS_A_CUT * CUTS_A_TRIM
    rows = [(EVSE, reading())] * (most + 500)
    store.commit(Commit(readings=rows, snapshot={}))

    assert store.trim(MONTH_LATER) == {"readings": most}
    assert store.trim(MONTH_LATER) == {"readings": 500}
    assert store.trim(MONTH_LATER) == {}
    store.close()


def test_what_was_freed_is_used_again(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    store = opened(path, replace(BOUNDS, max_bytes=300_000))
    sizes = []
    for batch in range(30):
        store.commit(snapped(range(batch * 1000, batch * 1000 + 1000)))
        assert store.trim(T0) is not None
        sizes.append(store._connection.execute("PRAGMA page_count").fetchone()[0])

    assert sizes[-1] == sizes[10]
    assert sizes[-1] * PAGE_BYTES < 600_000
    assert SqliteReader(path).faults() == []
    store.close()


def test_finished_maintenance_is_remembered_for_a_year(tmp_path: Path) -> None:
    store = opened(tmp_path / "store.sqlite")
    store.commit(Commit(suggestions=[suggestion("s1", SuggestionState.DONE), suggestion("s2")]))

    assert store.trim(T0 + timedelta(days=364)) == {}
    assert store.trim(T0 + timedelta(days=366)) == {"suggestions": 1}
    assert [each.suggestion_id for each in store.restore().suggestions] == ["s2"]
    store.close()


def test_the_quarantine_is_bounded_in_bytes_and_keeps_the_newest(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    store = opened(path, replace(BOUNDS, quarantine_bytes=50_000))
    for number in range(200):
        store.commit(Commit(quarantined=[Quarantined(T0, f"topic/{number}", "no JSON", b"x" * 1000)]))
    held = SqliteReader(path).quarantine(1000)

    assert [each.topic for each in held] == [f"topic/{number}" for number in range(199, 199 - len(held), -1)]
    assert 40 < len(held) < 50
    assert store.usage().quarantined == len(held)
    store.close()

    store = opened(path, replace(BOUNDS, quarantine_bytes=50_000))
    store.commit(Commit(quarantined=[Quarantined(T0, "new", "r", b"x" * 1000)]))
    assert len(SqliteReader(path).quarantine(1000)) == len(held)
    store.close()


def test_a_long_payload_is_cut_and_its_length_kept(tmp_path: Path) -> None:
    store = opened(tmp_path / "store.sqlite")
    store.commit(Commit(quarantined=[Quarantined(T0, "t" * 5000, "bad \ud800", b"y" * 1_000_000)]))

    (held,) = SqliteReader(tmp_path / "store.sqlite").quarantine(10)

    assert (len(held.topic), held.reason, len(held.payload)) == (1024, "bad ?", 4096)
    assert store._connection.execute("SELECT payload_bytes FROM quarantine").fetchone() == (1_000_000,)
    store.close()

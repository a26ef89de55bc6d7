"""Keeping: what is done where the store refuses, and when all is written anew."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from edge_agent.errors import StoreError
from edge_agent.ingest.keeping import SNAPSHOT_AFTER
from edge_agent.ingest.state import open_alerts
from edge_agent.wire.outbox import RecordType
from tests.rig.fakes import FULL_DISK, PREFIX, Kerbside, a_store, metrics

OPEN_FAULT = [("CHARGER_FAULTED", "OPEN")]
ACK_TOPIC = f"{PREFIX}/alerts/CHG_001/1/CHARGER_FAULTED/ack"


@pytest.fixture
def site() -> Kerbside:
    """Connected, with one charger that has said that it is free."""
    kerbside = Kerbside().connect().say()
    kerbside.broker.acknowledged.clear()
    return kerbside


def ack(alert_id: str) -> bytes:
    return json.dumps({"alert_id": alert_id, "by": "tech"}).encode()


# The store refuses


def test_while_the_store_refuses_for_a_moment_nothing_is_acknowledged_and_the_same_is_tried_again(
    site: Kerbside,
) -> None:
    site.until_due()
    site.broker.acknowledged.clear()
    site.store.refuses = FULL_DISK
    site.say("FAULTY")
    site.clock.pass_time(0.9)
    site.turn()
    assert site.broker.acknowledged == []
    assert site.broker.alerts() == []
    assert site.store.tried[-1] is site.store.tried[-2]
    site.store.refuses = None
    site.clock.pass_time(0.9)
    site.turn()
    assert len(site.store.kept[-1].readings) == 1
    assert len(site.broker.acknowledged) == 1
    assert site.broker.alerts() == OPEN_FAULT
    assert site.store.records(RecordType.GAP) == []


def watch_only(site: Kerbside) -> Kerbside:
    """Let the store refuse for so long that the agent only watches."""
    site.store.refuses = FULL_DISK
    site.say("CHARGING", power=7.0)
    site.clock.pass_time(2.0)
    site.turn()
    assert site.ingest.view.watch_only
    return site


def test_after_two_seconds_it_watches_only_and_acknowledges_and_counts_what_is_lost(site: Kerbside) -> None:
    watch_only(site)
    assert len(site.broker.acknowledged) == 1
    assert site.ingest.counts()["lost readings"] == 1


def test_while_it_only_watches_alerts_are_published_all_the_same(site: Kerbside) -> None:
    watch_only(site).say("FAULTY")
    assert site.broker.alerts() == OPEN_FAULT


def test_while_it_only_watches_each_alert_is_published_once(site: Kerbside) -> None:
    watch_only(site).say("FAULTY")
    for power in range(5):
        site.say("FAULTY", charger_id="CHG_002")
        site.say("FAULTY", power=float(power)).until_due()
    site.store.refuses = None
    site.say("FAULTY").until_due()
    assert site.broker.alerts() == 2 * OPEN_FAULT


def test_what_was_lost_is_told_by_one_gap_record_once_the_store_works(site: Kerbside) -> None:
    watch_only(site)
    site.say().say("CHARGING").until_due()
    lost = site.ingest.counts()["lost readings"]
    site.store.refuses = None
    site.say().until_due()
    (gap,) = site.store.records(RecordType.GAP)
    assert json.loads(gap.payload)["readings"] == lost
    assert not site.ingest.view.watch_only


def test_a_gap_is_told_even_where_the_store_works_only_for_the_last_commit(site: Kerbside) -> None:
    watch_only(site)
    site.store.refuses = None
    site.stop()
    assert len(site.store.records(RecordType.GAP)) == 1


def test_once_the_store_works_it_is_tried_even_where_nobody_says_anything(site: Kerbside) -> None:
    watch_only(site).say("FAULTY")
    site.store.refuses = None
    site.until_due()
    assert not site.ingest.view.watch_only


def test_after_it_only_watched_a_restart_gives_what_memory_has(tmp_path: Path) -> None:
    site = Kerbside(a_store(tmp_path / "s")).connect().say()
    watch_only(site)
    site.say("FAULTY").say("FAULTY", charger_id="CHG_002", temperature=66.0)
    (_, first) = open_alerts(site.ingest._state.site)[:2]
    site.turn(site.message(ack(first.alert_id), topic=ACK_TOPIC))
    site.store.refuses = None
    site.say("CHARGING", charger_id="CHG_003").until_due()
    site.until_due()
    site.store.close()
    assert Kerbside(a_store(tmp_path / "s")).state() == site.state()


def test_messages_that_come_again_are_known_even_where_only_memory_had_them(site: Kerbside) -> None:
    site.until_due()
    site.store.refuses = FULL_DISK
    message = site.message(metrics("CHARGING"), packet_id=900)
    site.clock.pass_time(1)
    site.turn(message)
    site.clock.pass_time(3)
    site.turn()
    site.store.refuses = None
    site.say().until_due()
    assert 900 in {each.packet_id for commit in site.store.kept for each in commit.delivered}


def test_trouble_that_begins_anew_is_waited_for_anew(site: Kerbside) -> None:
    watch_only(site)
    site.store.refuses = None
    site.say("FAULTY").until_due()
    site.broker.acknowledged.clear()
    site.store.refuses = FULL_DISK
    site.say("AVAILABLE")
    site.say("CHARGING")
    assert not site.ingest.view.watch_only
    assert site.broker.acknowledged == []


def test_a_gap_of_nothing_is_not_told(site: Kerbside) -> None:
    site.say("FAULTY").until_due()
    site.store.refuses = FULL_DISK
    site.confirm_all()
    site.until_due()
    site.clock.pass_time(3.0)
    site.turn()
    assert site.ingest.view.watch_only
    site.store.refuses = None
    site.say("FAULTY").until_due()
    site.until_due()
    assert site.store.records(RecordType.GAP) == []


def test_an_outbox_that_cannot_be_read_does_not_end_the_pipeline() -> None:
    site = Kerbside()
    site.store.unreadable = StoreError("the disk fails")
    site.connect().say("FAULTY")
    assert len(site.broker.acknowledged) == 1
    site.store.unreadable = None
    site.until_due()
    assert site.broker.alerts() == OPEN_FAULT


def test_trouble_in_the_store_is_logged_once_and_not_at_each_attempt(
    site: Kerbside, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        watch_only(site)
        for _ in range(5):
            site.say("FAULTY").say("AVAILABLE")
    assert [record.getMessage() for record in caplog.records] == [
        "cannot keep readings; trying again",
        "watch-only until the store works again",
    ]


# Snapshots


def test_a_snapshot_comes_with_the_first_commit_after_2000_readings_and_then_as_late_again() -> None:
    site = Kerbside(commit_s=0.001).connect()
    snapshots = []
    for _ in range(2 * SNAPSHOT_AFTER // 250 + 1):
        site.clock.pass_time(1.0)
        site.turn(*(site.message(metrics(power=1.0)) for _ in range(250)))
        site.clock.pass_time(1.0)
        site.turn()
        snapshots.append(site.store.kept[-1].snapshot is not None)
    assert [turn for turn, taken in enumerate(snapshots, 1) if taken] == [8, 16]

"""Outages, gaps and work through the agent's middle, on a real store, over restarts."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

from edge_agent.adapters.sqlite import SqliteReader
from edge_agent.core.terms import Terms
from edge_agent.core.work import work_done
from edge_agent.overview import Operator
from edge_agent.ports import Disconnected
from edge_agent.records import Looks, Records
from edge_agent.wire.outbox import RecordType
from edge_agent.wire.service import Cause, Gap, Verdict, WorkAction, WorkDone, WorkRequest
from tests.rig.fakes import EVSE, START, FakeClock, Kerbside, a_deed, a_store

HOUR = 3600.0


def records_of(site: Kerbside, path: Path) -> Records:
    looks = Looks(lambda: site.ingest.view, site.ingest.counts)
    return Records(SqliteReader(path), looks, Operator(Terms(), {}, 1), site.clock)


def opened(path: Path, clock: FakeClock | None = None) -> Kerbside:
    return Kerbside(a_store(path), clock).connect()


def request(**told: object) -> WorkRequest:
    done = {"verdict": Verdict.CONFIRMED, "finished_at": START, "by": "AB", "connector_id": 1}
    return WorkRequest.model_validate({**done, **told})


def work(asked: WorkRequest) -> WorkDone:
    return work_done("CHG_001", asked)


def test_an_outage_that_is_over_is_kept_and_told_once(tmp_path: Path) -> None:
    site = opened(tmp_path / "s")
    site.say("AVAILABLE").say("FAULTY")
    site.clock.pass_time(5 * HOUR)
    site.say("AVAILABLE").say("AVAILABLE").until_due()

    (record,) = site.store.records(RecordType.DOWNTIME)
    told = json.loads(record.payload)
    (kept,) = SqliteReader(tmp_path / "s").service(START, site.clock.now()).downtime

    assert (told["cause"], told["failure"], told["sign"]) == ("OWN_FAULT", True, "FAULTY")
    assert kept.ended_at is not None
    assert (kept.ended_at - kept.began_at).total_seconds() == 5 * HOUR + 1


def test_an_outage_goes_on_over_a_restart(tmp_path: Path) -> None:
    site = opened(tmp_path / "s")
    site.say("AVAILABLE").say("FAULTY")
    site.stop()
    site.store.close()
    site.clock.pass_time(60)
    again = opened(tmp_path / "s", site.clock)
    again.say("FAULTY").say("AVAILABLE").until_due()

    (kept,) = SqliteReader(tmp_path / "s").service(START, again.clock.now()).downtime
    assert (kept.began_at - START).total_seconds() == 2


def test_a_message_that_comes_twice_is_one_attempt(tmp_path: Path) -> None:
    site = opened(tmp_path / "s")
    site.say("AVAILABLE").say("CHARGING", power=7, energy_delivered=3)
    ended = site.message(
        b'{"connector_status":"AVAILABLE","connector_id":1,"energy_delivered":3}', packet_id=77
    )
    site.turn(ended).turn(ended).until_due()

    assert len(site.store.records(RecordType.ATTEMPT)) == 1
    assert len(SqliteReader(tmp_path / "s").service(START, site.clock.now()).attempts) == 1


def test_while_the_broker_was_lost_nothing_was_observed(tmp_path: Path) -> None:
    site = opened(tmp_path / "s")
    site.say("AVAILABLE").until_due()
    lost = site.clock.now()
    site.turn(Disconnected(1, "gone"))
    site.clock.pass_time(HOUR)
    deaf = records_of(site, tmp_path / "s").uptime("2026-03").items[0]
    site.connect(session_present=True)
    site.say("AVAILABLE").until_due()
    heard = records_of(site, tmp_path / "s").uptime("2026-03").items[0]

    assert SqliteReader(tmp_path / "s").service(START, site.clock.now()).gaps == [
        Gap(since=lost, until=lost + timedelta(hours=1))
    ]
    assert deaf.observed_hours < 0.01
    assert heard.observed_hours < 0.01
    assert heard.uptime == 1.0


def test_while_the_agent_was_down_nothing_was_observed(tmp_path: Path) -> None:
    site = opened(tmp_path / "s")
    site.say("AVAILABLE")
    site.stop()
    site.store.close()
    heard = site.clock.now()
    site.clock.pass_time(HOUR)
    again = opened(tmp_path / "s", site.clock)
    again.until_due()

    (gap,) = SqliteReader(tmp_path / "s").service(START, again.clock.now()).gaps
    assert gap == Gap(since=heard, until=heard + timedelta(hours=1))


def test_the_running_month_counts_what_still_lasts(tmp_path: Path) -> None:
    site = opened(tmp_path / "s")
    site.say("AVAILABLE").say("FAULTY").until_due()
    site.clock.pass_time(10 * HOUR)
    report = records_of(site, tmp_path / "s").uptime(None)

    assert (report.month, report.until) == ("2026-03", site.clock.now())
    assert report.items[0].failures == 1
    assert report.items[0].downtime_hours_by_cause[Cause.OWN_FAULT] > 9.9


def test_a_month_to_come_is_empty(tmp_path: Path) -> None:
    site = opened(tmp_path / "s")
    site.say("AVAILABLE").until_due()
    item = records_of(site, tmp_path / "s").uptime("2027-01").items[0]

    assert (item.observed_hours, item.unobserved_hours, item.uptime) == (0, 0, None)


def test_work_done_resets_the_clock_of_the_charger_and_of_the_part(tmp_path: Path) -> None:
    site = opened(tmp_path / "s")
    site.say("AVAILABLE")
    site.ingest.work_done(work(request(part="fan", action=WorkAction.REPLACED)), a_deed())
    charger = site.ingest.view.site.chargers[EVSE]

    assert charger.last_maintenance == START
    assert charger.parts == {"fan": START}
    (record,) = site.store.records(RecordType.MAINTENANCE_DONE)
    assert json.loads(record.payload)["verdict"] == "CONFIRMED"


def test_work_told_again_is_kept_once_also_after_a_restart(tmp_path: Path) -> None:
    site = opened(tmp_path / "s")
    site.say("AVAILABLE")
    done = work(request(part="fan", action=WorkAction.CLEANED))
    assert site.ingest.work_done(done, a_deed()) == site.ingest.work_done(done, a_deed()) == done
    site.stop()
    site.store.close()
    again = opened(tmp_path / "s", site.clock)
    assert again.ingest.work_done(done, a_deed()) == done

    assert len(SqliteReader(tmp_path / "s").service(START, again.clock.now()).work) == 1
    assert again.store.records(RecordType.MAINTENANCE_DONE) == []
    assert again.ingest.view.site.chargers[EVSE].parts == {"fan": START}


def test_a_visit_that_mended_nothing_resets_no_clock(tmp_path: Path) -> None:
    site = opened(tmp_path / "s")
    site.say("AVAILABLE")
    site.ingest.work_done(work(request(verdict=Verdict.NO_FAULT_FOUND)), a_deed())
    site.ingest.work_done(work(request(action=WorkAction.RESET)), a_deed())

    assert site.ingest.view.site.chargers[EVSE].last_maintenance is None


def test_work_on_the_cabinet_is_work_on_all_that_it_holds(tmp_path: Path) -> None:
    site = opened(tmp_path / "s")
    site.say("AVAILABLE").say("AVAILABLE", charger_id="CHG_002")
    site.ingest.work_done(work(request(connector_id=0, part="fan", action=WorkAction.REPLACED)), a_deed())
    maintained = {
        evse.charger_id: charger.last_maintenance for evse, charger in site.ingest.view.site.chargers.items()
    }

    assert maintained == {"CHG_001": START, "CHG_002": None}

"""A charger under work raises no alerts that its work would cause."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from edge_agent.core.work import work_done
from edge_agent.wire.alert import Quiet
from edge_agent.wire.service import Verdict, WorkRequest
from tests.rig.fakes import Kerbside, a_deed, a_store

HOUR = timedelta(hours=1)


def opened(path: Path) -> Kerbside:
    return Kerbside(a_store(path)).connect().say("AVAILABLE")


def quiet(site: Kerbside, until: datetime) -> None:
    now = site.clock.now()
    site.ingest.quieten(Quiet(charger_id="CHG_001", since=now, until=until, by="AB"), a_deed())


def open_types(site: Kerbside) -> list[str]:
    watches = site.ingest.view.site.watches.values()
    return [watch.alert.alert_type for each in watches for watch in each.values() if watch.alert is not None]


def test_a_charger_under_work_raises_nothing(tmp_path: Path) -> None:
    site = opened(tmp_path / "s")
    quiet(site, site.clock.now() + HOUR)
    site.say("FAULTY").until_due()
    assert open_types(site) == []


def test_tampering_is_told_whoever_works_there(tmp_path: Path) -> None:
    site = opened(tmp_path / "s")
    quiet(site, site.clock.now() + HOUR)
    site.say("FAULTY", error_codes=["CutCable"]).until_due()
    assert open_types(site) == ["TAMPER"]


def test_when_the_time_is_over_what_is_still_wrong_is_told(tmp_path: Path) -> None:
    site = opened(tmp_path / "s")
    quiet(site, site.clock.now() + HOUR)
    site.clock.pass_time(3_601)
    site.say("FAULTY").until_due()
    assert open_types(site) == ["CHARGER_FAULTED"]


def test_work_that_is_logged_ends_it(tmp_path: Path) -> None:
    site = opened(tmp_path / "s")
    quiet(site, site.clock.now() + HOUR)
    asked = WorkRequest(verdict=Verdict.CONFIRMED, finished_at=site.clock.now(), by="AB", connector_id=1)
    site.ingest.work_done(work_done("CHG_001", asked), a_deed())
    site.say("FAULTY").until_due()
    assert open_types(site) == ["CHARGER_FAULTED"]


def test_it_holds_over_a_restart(tmp_path: Path) -> None:
    site = opened(tmp_path / "s")
    quiet(site, site.clock.now() + HOUR)
    site.stop()
    site.store.close()
    again = Kerbside(a_store(tmp_path / "s"), site.clock).connect()
    again.say("FAULTY").until_due()
    assert open_types(again) == []

"""What the small site of `tests.web.desk` remembers."""

from __future__ import annotations

import threading
from datetime import timedelta

from edge_agent.wire.alert import Alert, AlertState, Quiet
from edge_agent.wire.history import (
    AlertQuery,
    ChargerDetail,
    DeedList,
    Evidence,
    History,
    HistoryQuery,
    QuarantineList,
    Risk,
    Series,
    SetAside,
    SyncStatus,
)
from edge_agent.wire.rest import EvseUptime, UptimeReport
from edge_agent.wire.service import Attempt, Cause, Change, Deed, DeviceChange, Stage
from tests.web.desk import MARKUP, NOW, FakeDesk, maintenance_answer

MONTH = timedelta(days=30)


class FakeRecords:
    """Implements `Records`: the past of the desk's chargers."""

    def __init__(self, desk: FakeDesk) -> None:
        self._desk = desk
        self.asked: HistoryQuery | None = None

    def charger(self, charger_id: str) -> ChargerDetail | None:
        found = [each for each in self._desk.chargers() if each.charger_id == charger_id]
        if not found:
            return None
        session = Attempt(
            charger_id=charger_id,
            connector_id=1,
            started_at=NOW - timedelta(hours=2),
            ended_at=NOW - timedelta(hours=1),
            failed_at=Stage.ENERGISE if charger_id == "CHG_002" else None,
            energy_kwh=11.5,
            number=1,
        )
        return ChargerDetail(
            charger_id=charger_id,
            label=found[0].label,
            location="Level 1",
            warranty_until="2027-01-01",
            vendor="Maker",
            model="M1",
            firmware=MARKUP,
            quiet=Quiet(charger_id=charger_id, since=NOW, until=NOW + timedelta(hours=2), by="AB")
            if charger_id == "CHG_003"
            else None,
            connectors=found,
            suggestion=maintenance_answer(charger_id) if charger_id == "CHG_002" else None,
            days=90,
            sessions=[session],
            downtime=[],
            work=[],
            changes=[
                DeviceChange(
                    charger_id=charger_id,
                    connector_ids=(1,),
                    at=NOW - MONTH,
                    change=Change.REPLACED,
                    by="AB",
                    note=MARKUP,
                )
            ],
            past_alerts=[],
        )

    def history(self, charger_id: str, asked: HistoryQuery) -> History | None:
        if all(each.charger_id != charger_id for each in self._desk.chargers()):
            return None
        self.asked = asked
        until = asked.until or NOW
        since = asked.since or until - timedelta(days=1)
        steps = 60
        at = [since + (until - since) / steps * step for step in range(steps)]
        wave = [float(step % 20) for step in range(steps)]
        one = Series(min=wave, mean=[each + 1 for each in wave], max=[None, *(each + 2 for each in wave[1:])])
        return History(
            charger_id=charger_id,
            connector_id=asked.connector_id,
            since=since,
            until=until,
            resolution=60,
            at=at,
            series={"power": one, "temperature": one},
            limits={"temperature": [50.0, 60.0]},
            alerts=[each for each in self._desk.site_alerts if each.charger_id == charger_id],
            risk=[Risk(at=since, p1=0.01, p7=0.05, p30=0.2), Risk(at=until, p1=0.02, p7=0.1, p30=0.4)],
        )

    def found_alerts(self, asked: AlertQuery) -> list[Alert]:
        found = [] if asked.state is AlertState.CLEARED else self._desk.alerts()
        ids = [each.alert_id for each in found]
        later = found[ids.index(asked.after) + 1 :] if asked.after in ids else found
        return [each for each in later if asked.severity in (None, each.severity)][: asked.limit + 1]

    def evidence(self, alert_id: str) -> Evidence | None:
        alert = next((each for each in self._desk.alerts() if each.alert_id == alert_id), None)
        if alert is None:
            return None
        return Evidence(
            alert=alert,
            charger_id=alert.charger_id,
            label=None,
            vendor=None,
            model=None,
            firmware=None,
            warranty_until=None,
            limits={},
            readings=[{"received_at": NOW, "temperature": 63.0}],
        )

    def sync(self) -> SyncStatus:
        return SyncStatus(
            enabled=True, status="healthy", backlog={"uplink": 12}, lost={}, last_acknowledged=NOW
        )

    def set_aside(self) -> QuarantineList:
        return QuarantineList(items=[SetAside(at=NOW, topic=f"chargers/{MARKUP}", reason="not JSON")])

    def audit(self) -> DeedList:
        return DeedList(items=[Deed(at=NOW, who="0badcafe", action="reload", subject="all")])

    def uptime(self, month: str | None) -> UptimeReport:
        self._desk.fail()
        self._desk.waited_in = threading.get_ident()
        item = EvseUptime(
            charger_id="CHG_001",
            connector_id=1,
            label="=HYPERLINK(1)",
            observed_hours=84.0,
            unobserved_hours=0.0,
            uptime=0.975,
            downtime_hours_by_cause={Cause.OWN_FAULT: 2.1, Cause.USER: 1.0},
            failures=1,
            attempts=10,
            failed_attempts_by_stage={Stage.ENERGISE: 2},
            zero_energy_attempts=2,
            visits=9,
            first_time_success=None,
        )
        return UptimeReport(month=month or "2026-03", since=NOW - timedelta(days=3), until=NOW, items=[item])

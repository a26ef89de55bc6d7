"""What the LAN interface may ask of the past. Each question reads the store, beside the pipeline."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from edge_agent.core import uptime
from edge_agent.core.anomaly import CRITICAL_C, HOT_C
from edge_agent.core.downtime import Span
from edge_agent.health import DISABLED
from edge_agent.ingest.state import open_alerts
from edge_agent.overview import Operator, Plate, summary
from edge_agent.wire.alert import Alert, AlertState
from edge_agent.wire.history import (
    ChargerDetail,
    DeedList,
    Evidence,
    History,
    QuarantineList,
    Risk,
    SetAside,
    SyncStatus,
)
from edge_agent.wire.rest import UptimeReport
from edge_agent.wire.service import Attempt, DeviceChange, Downtime, Gap, WorkDone
from edge_agent.wire.types import EvseId

if TYPE_CHECKING:
    from edge_agent.clock import Clock
    from edge_agent.core.charger import Charger
    from edge_agent.ingest.parts import View
    from edge_agent.ports import Archive
    from edge_agent.wire.history import AlertQuery, HistoryQuery

PAST_DAYS = 90
MOST_OF_EACH = 50
STEPS = 300
"""A chart has about so many; a phone shows no more."""
HOUR_S = 3_600
RAW_AT_MOST = timedelta(days=2)
"""What is longer is drawn from whole hours."""
DAY = timedelta(days=1)
LIMITS = {"temperature": [HOT_C, CRITICAL_C]}
AROUND = timedelta(minutes=30)
MOST_READINGS = 500
UNSENT = " unsent"


@dataclass(frozen=True, slots=True)
class Looks:
    """Where else to look: at the pipeline's last view, what it counted, and the way up."""

    view: Callable[[], View]
    counts: Callable[[], Mapping[str, int]]
    uplink: Callable[[], Mapping[str, Any]] = DISABLED.copy


class Records:
    """See `ports.Records`."""

    def __init__(self, archive: Archive, looks: Looks, operator: Operator, clock: Clock) -> None:
        self._archive = archive
        self._looks = looks
        self.operator = operator
        self._clock = clock

    def charger(self, charger_id: str) -> ChargerDetail | None:
        """See `ports.Records`."""
        now, view = self._clock.now(), self._looks.view()
        evses = sorted(evse for evse in view.latest if evse.charger_id == charger_id)
        if not evses:
            return None
        since = now - timedelta(days=PAST_DAYS)
        asked = charger_id, since, MOST_OF_EACH
        quiet = view.site.quiet.get(charger_id)
        plate = self._plate(charger_id)
        named = _named([view.site.chargers[evse] for evse in evses])
        return ChargerDetail(
            charger_id=charger_id,
            label=self.operator.labels.get(charger_id),
            location=plate.location,
            warranty_until=plate.warranty_until,
            **named,
            quiet=quiet if quiet is not None and quiet.until > now else None,
            connectors=[summary(view, evse, self.operator, now) for evse in evses],
            suggestion=view.suggestions.get(charger_id),
            days=PAST_DAYS,
            sessions=self._archive.newest(Attempt, *asked),
            downtime=self._archive.newest(Downtime, *asked),
            work=self._archive.newest(WorkDone, *asked),
            changes=self._archive.newest(DeviceChange, *asked),
            past_alerts=self._archive.newest(Alert, *asked),
        )

    def history(self, charger_id: str, asked: HistoryQuery) -> History | None:
        """See `ports.Records`."""
        evse = EvseId(charger_id, asked.connector_id)
        view = self._looks.view()
        if evse not in view.site.chargers:
            return None
        until = asked.until or self._clock.now()
        since = min(asked.since or until - DAY, until)
        step_s = step_of(until - since, asked.resolution)
        steps = self._archive.steps(evse, since, until, step_s)
        wanted = asked.fields.split(",")
        scores = self._archive.lessons(since, until).scores
        return History(
            charger_id=charger_id,
            connector_id=asked.connector_id,
            since=since,
            until=until,
            resolution=step_s,
            at=list(steps.at),
            series={name: series for name, series in steps.series.items() if name in wanted},
            limits={name: lines for name, lines in LIMITS.items() if name in wanted},
            alerts=[
                alert
                for alert in (*self._archive.past_alerts(since, until), *open_alerts(view.site))
                if EvseId(alert.charger_id, alert.connector_id) == evse and alert.raised_at < until
            ],
            risk=[
                Risk(at=each.at, p1=each.p1, p7=each.p7, p30=each.p30)
                for each in scores
                if EvseId(each.charger_id, each.connector_id) == evse
            ],
        )

    def found_alerts(self, asked: AlertQuery) -> list[Alert]:
        """See `ports.Records`."""
        found = open_alerts(self._looks.view().site)
        if asked.state is AlertState.CLEARED:
            now = self._clock.now()
            past = self._archive.past_alerts(now - timedelta(days=PAST_DAYS), now + DAY)
            found = sorted(past, key=lambda each: (each.raised_at, each.alert_id), reverse=True)
        ids = [each.alert_id for each in found]
        if asked.after in ids:
            found = found[ids.index(asked.after) + 1 :]
        fits = (
            each
            for each in found
            if asked.state in (None, each.state)
            and asked.severity in (None, each.severity)
            and asked.charger_id in (None, each.charger_id)
        )
        return [each for _, each in zip(range(asked.limit + 1), fits, strict=False)]

    def evidence(self, alert_id: str) -> Evidence | None:
        """See `ports.Records`."""
        now, view = self._clock.now(), self._looks.view()
        known = (*open_alerts(view.site), *self._archive.past_alerts(now - timedelta(days=730), now + DAY))
        alert = next((each for each in known if each.alert_id == alert_id), None)
        if alert is None:
            return None
        evse = EvseId(alert.charger_id, alert.connector_id)
        span = alert.raised_at - AROUND, alert.raised_at + AROUND
        charger = view.site.chargers.get(evse)
        return Evidence(
            alert=alert,
            charger_id=alert.charger_id,
            label=self.operator.labels.get(alert.charger_id),
            **_named([] if charger is None else [charger]),
            warranty_until=self._plate(alert.charger_id).warranty_until,
            limits=LIMITS,
            readings=[
                {"received_at": each.received_at, **each.metrics.model_dump(mode="json", exclude_none=True)}
                for each in self._archive.readings(evse, *span, MOST_READINGS)
            ],
        )

    def sync(self) -> SyncStatus:
        """See `ports.Records`."""
        uplink = self._looks.uplink()
        return SyncStatus(
            enabled=uplink["status"] != "disabled",
            status=uplink["status"],
            message=uplink.get("message"),
            last_acknowledged=uplink.get("last_acknowledged"),
            sent=uplink.get("sent", 0),
            refused=uplink.get("refused", 0),
            backlog=dict(self._archive.usage().backlog),
            lost={
                kind.removeprefix("trimmed ").removesuffix(UNSENT): count
                for kind, count in self._looks.counts().items()
                if kind.endswith(UNSENT) and count
            },
        )

    def set_aside(self) -> QuarantineList:
        """See `ports.Records`."""
        found = self._archive.quarantine(MOST_OF_EACH)
        return QuarantineList(
            items=[SetAside(at=each.at, topic=each.topic, reason=each.reason) for each in found]
        )

    def audit(self) -> DeedList:
        """See `ports.Records`."""
        now = self._clock.now()
        deeds = self._archive.audit(now - timedelta(days=PAST_DAYS), now + DAY)
        return DeedList(items=deeds[::-1][:MOST_OF_EACH])

    def uptime(self, month: str | None) -> UptimeReport:
        """See `ports.Records`."""
        now, view, operator = self._clock.now(), self._looks.view(), self.operator
        zone = operator.terms.time_zone
        month = month or f"{now.astimezone(zone):%Y-%m}"
        start, end = uptime.month_of(month, zone)
        span = Span(start, max(min(end, now), start))
        chargers = view.site.chargers
        began = [charger.outages.current.began_at for charger in chargers.values() if charger.outages.current]
        kept = self._archive.service(min([start, *began]), span.end)
        deaf = [Gap(since=view.deaf_since, until=now)] if view.deaf_since is not None else []
        gaps = [*kept.gaps, *deaf]
        facts = uptime.Facts(
            first_heard=uptime.first_heard(chargers),
            downtime=[*kept.downtime, *uptime.running(chargers, gaps, now, operator.failure_after)],
            attempts=[attempt for attempt in kept.attempts if attempt.ended_at >= start],
            gaps=gaps,
            work=kept.work,
        )
        items = uptime.uptimes(facts, span, operator.labels)
        return UptimeReport(month=month, since=start, until=span.end, items=items)

    def _plate(self, charger_id: str) -> Plate:
        return self.operator.plates.get(charger_id, Plate())


def step_of(span: timedelta, wanted_s: int | None) -> int:
    """Return how long a step of a chart is, in seconds: as is wanted, but no finer than is of use."""
    fair = max(1, int(span.total_seconds()) // STEPS, wanted_s or 0)
    if span <= RAW_AT_MOST and fair < HOUR_S:
        return fair
    return -(-fair // HOUR_S) * HOUR_S


def _named(chargers: list[Charger]) -> dict[str, str | None]:
    """Return what a charger says that it is, through any of its EVSEs."""
    return {
        name: next((told for each in chargers if (told := getattr(each.now, name))), None)
        for name in ("vendor", "model", "firmware")
    }

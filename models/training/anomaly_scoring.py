"""Anomalies counted as a technician meets them: what was told, in episodes, against what truly was.

An episode is a run of alerts on one EVSE, those less than a day apart being one. It is false if nothing was
wrong from a day before its start to its start. There is no credit for points, let alone adjusted ones.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import numpy as np

from edge_agent.core.alert import advance_all
from edge_agent.core.anomaly import verdict
from edge_agent.core.charger import Charger, newcomer, observe
from edge_agent.core.failure import FailureVerdict, Risk
from edge_agent.core.features import HORIZON_DAYS, N_FAILURE
from edge_agent.core.judgement import Judgement
from edge_agent.core.models import Models
from edge_agent.core.rules import RulesAnomaly, RulesFailure
from edge_agent.core.signs import Watch
from edge_agent.wire.alert import Alert, AlertState, AlertType, Severity
from edge_agent.wire.answers import Action, AnomalyType
from edge_agent.wire.reading import Reading

MONTH = timedelta(days=30.4)
JOINED = timedelta(days=1)
AFTERWARDS = timedelta(days=1)
LONGEST_GAP = timedelta(days=7)
"""Over a longer silence nobody watched."""
TOLD = frozenset({AlertType.ANOMALY, AlertType.OVER_TEMPERATURE})
RULES = Models(RulesFailure(), RulesAnomaly())
NO_RISK = Risk(
    (math.nan,) * N_FAILURE,
    FailureVerdict((0.0,) * len(HORIZON_DAYS), Action.WITHIN_30_DAYS, required=False),
    (0.0,) * N_FAILURE,
)


class Event(NamedTuple):
    """Something odd that truly was. hard: it came at once, else it crept."""

    kind: str
    begin: datetime
    end: datetime
    hard: bool = True


class Span(NamedTuple):
    """A time in which an alert is neither true nor false: an outage, a worn part."""

    begin: datetime
    end: datetime


class Judged(NamedTuple):
    """What was said of one reading; alerts: those that were raised with it and notify."""

    reading: Reading
    type: AnomalyType
    score: float
    alerts: tuple[Alert, ...]


def replayed(readings: Iterable[Reading]) -> Iterator[Judged]:
    """Yield what the agent's own way - observing, judging, alerting - says of one EVSE's readings, in order.

    The forest does not vote here: no alert rests on its vote, and no failure is foretold.
    """
    charger: Charger | None = None
    watches: Mapping[AlertType, Watch] = {}
    for reading in readings:
        charger = charger or newcomer(reading.evse, reading.at)
        charger, deviation, current = observe(charger, reading, charger.heard_at)
        if not current:
            continue
        judged = verdict(charger.now, deviation, math.nan)
        judgement = Judgement(reading.at, charger, deviation, NO_RISK, judged, RULES)
        watches, news = advance_all(watches, judgement, ("replay", 0))
        yield Judged(reading, judged.type, judged.score, tuple(filter(_notifies, news)))


def _notifies(alert: Alert) -> bool:
    opened = alert.state is AlertState.OPEN and alert.updated_at == alert.raised_at
    return opened and alert.alert_type in TOLD and alert.severity is not Severity.INFO


def episodes(raised: Sequence[datetime]) -> list[datetime]:
    """Return when each episode begins, of the times at which alerts were raised, in order."""
    begun: list[datetime] = []
    last: datetime | None = None
    for at in raised:
        if last is None or at - last >= JOINED:
            begun.append(at)
        last = at
    return begun


@dataclass(slots=True)
class Score:
    """What came of all EVSEs so far.

    delays: of each event found, by its kind: samples since its begin, and hours.
    """

    months: float = 0.0
    false: int = 0
    events: dict[str, int] = field(default_factory=dict)
    delays: dict[str, list[tuple[int, float]]] = field(default_factory=dict)
    hard: dict[str, bool] = field(default_factory=dict)

    def add(
        self, at: Sequence[datetime], raised: Sequence[datetime], truth: tuple[list[Event], list[Span]]
    ) -> None:
        """Count one EVSE. at: of all its readings; raised: of its alerts. Both in order."""
        events, spans = truth
        self.months += watched(at)
        excused = [Span(each.begin, each.end + AFTERWARDS) for each in events]
        excused += [Span(each.begin, each.end + AFTERWARDS) for each in spans]
        for begun in episodes(raised):
            self.false += not any(each.begin <= begun <= each.end for each in excused)
        for event in events:
            self.hard[event.kind] = event.hard
            self.events[event.kind] = self.events.get(event.kind, 0) + 1
            found = next((each for each in raised if event.begin <= each <= event.end + AFTERWARDS), None)
            if found is not None:
                samples = sum(event.begin <= each <= found for each in at)
                hours = (found - event.begin) / timedelta(hours=1)
                self.delays.setdefault(event.kind, []).append((samples, hours))

    def figures(self) -> dict[str, Any]:
        """Return false episodes an EVSE-month, the share of events found, and how soon, as JSON values."""
        return {
            "evse_months": round(self.months, 1),
            "false_an_evse_month": _share(self.false, self.months),
            "found": _share(sum(map(len, self.delays.values())), sum(self.events.values())),
            "hard": self._of(hard=True),
            "drift": self._of(hard=False),
            "by_kind": {
                kind: {"events": count, "found": _share(len(self.delays.get(kind, [])), count)}
                for kind, count in sorted(self.events.items())
            },
        }

    def _of(self, *, hard: bool) -> dict[str, Any]:
        kinds = [kind for kind in self.events if self.hard[kind] is hard]
        delays = [delay for kind in kinds for delay in self.delays.get(kind, [])]
        events = sum(self.events[kind] for kind in kinds)
        samples, hours = np.array(delays).T if delays else (np.array([]), np.array([]))
        return {
            "events": events,
            "found": _share(len(delays), events),
            "median_delay_samples": float(np.median(samples)) if delays else None,
            "median_delay_hours": float(np.median(hours)) if delays else None,
        }


def watched(at: Sequence[datetime]) -> float:
    """Return for how many months readings came: gaps that are too long do not count."""
    moments = np.array([moment.timestamp() for moment in at])
    passed = np.diff(moments)
    return float(passed[(passed > 0) & (passed <= LONGEST_GAP.total_seconds())].sum() / MONTH.total_seconds())


def macro_f1(truth: Sequence[AnomalyType], told: Sequence[AnomalyType]) -> dict[str, float]:
    """Return F1 of each type that truly occurs, and their mean as `macro`."""
    pairs = np.array([(a.value, b.value) for a, b in zip(truth, told, strict=True)])
    found: dict[str, float] = {}
    for kind in AnomalyType:
        true, said = pairs[:, 0] == kind.value, pairs[:, 1] == kind.value
        if true.any():
            found[kind.value] = float(2 * (true & said).sum() / (true.sum() + said.sum()))
    return found | {"macro": float(np.mean(list(found.values())))}


def _share(count: float, of: float) -> float | None:
    return round(count / of, 4) if of else None

"""What the models were worth where they ran: warnings against verdicts and failures, risks against what came.

    python -m models.training.evaluate --dataset field --data DIR

reads what `models.training.field_data` describes. A warning (episode) is joined with what came of it:

    first of                                      the episode is
    an own failure 12 h to 7 d after its start    true, with its lead
    a verdict CONFIRMED                           true: the failure was kept from coming
    another verdict, a failure within 12 h        false
    7 d wholly observed, and nothing of these     false
    the end of the data, or a longer gap          not counted

A verdict is of the episode that its work names, else of the one that was standing or had begun within 30 d.
Failures are outages that the agent called so: of an own cause, four hours or more. A row of foretold risk is
not counted from a failure until 24 h after its end, and is censored by work that confirmed or renewed.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from edge_agent.core.work import RENEWS
from edge_agent.wire.service import Downtime, Episode, Gap, Score, Verdict, WorkDone
from models.training.field_data import Field, read
from models.training.metrics import Interval, bootstrap
from models.training.recalibration import recalibration

SOONEST, LATEST = timedelta(hours=12), timedelta(days=7)
OF_VERDICT = timedelta(days=30)
BACK_IN_RISK = timedelta(hours=24)
LONGEST_GAP = timedelta(hours=1)
"""More unheard time than this in a window, and it was not wholly observed."""
HORIZONS = {"7d": (timedelta(days=7), "p7"), "30d": (timedelta(days=30), "p30")}
GROUPS = ("model_version", "vendor", "firmware")
CABINET = 0
DAY = timedelta(days=1)

Evse = tuple[str, str, int]


@dataclass(slots=True)
class History:
    """What came to one EVSE, its cabinet's included; each in order of time."""

    failures: list[Downtime] = field(default_factory=list)
    work: list[WorkDone] = field(default_factory=list)


class Label(NamedTuple):
    """An episode with what came of it. true: None where that is not known. failed_at: its failure."""

    evse: Evse
    episode: Episode
    true: bool | None
    verdict: Verdict | None
    failed_at: datetime | None


class Outcome(NamedTuple):
    """A row of foretold risk with whether it failed within a horizon; None where that is not known."""

    evse: Evse
    score: Score
    failed: dict[str, bool | None]


class Past:
    """All that came, by EVSE and site."""

    def __init__(self, told: Field) -> None:
        self._histories: dict[Evse, History] = defaultdict(History)
        self._gaps: dict[str, list[Gap]] = defaultdict(list)
        self._ends: dict[str, datetime] = {}
        self.evses: set[Evse] = {
            *((site, each.charger_id, each.connector_id) for site, each in told.episodes),
            *((site, each.charger_id, each.connector_id) for site, each in told.scores),
        }
        for site, outage in sorted(told.downtime, key=lambda each: each[1].began_at):
            self._saw(site, outage.ended_at or outage.began_at)
            for evse in self._of(site, outage) if outage.failure else ():
                self._histories[evse].failures.append(outage)
        for site, done in sorted(told.work, key=lambda each: each[1].finished_at):
            self._saw(site, done.finished_at)
            for evse in self._of(site, done):
                self._histories[evse].work.append(done)
        for site, gap in told.gaps:
            self._saw(site, gap.until)
            self._gaps[site].append(gap)
        for site, score in told.scores:
            self._saw(site, score.at)
        for site, episode in told.episodes:
            self._saw(site, episode.cleared_at or episode.raised_at)

    def _saw(self, site: str, at: datetime) -> None:
        self._ends[site] = max(at, self._ends.get(site, at))

    def _of(self, site: str, fact: Downtime | WorkDone) -> set[Evse]:
        own = (site, fact.charger_id, fact.connector_id)
        held = {evse for evse in self.evses if evse[:2] == own[:2]} if fact.connector_id == CABINET else set()
        return {own} | held

    def of(self, evse: Evse) -> History:
        """Return what came to an EVSE."""
        return self._histories[evse]

    def failures(self) -> list[tuple[Evse, Downtime]]:
        """Return all failures of EVSEs about which anything was foretold."""
        return [(evse, each) for evse in sorted(self.evses) for each in self.of(evse).failures]

    def observed(self, site: str, start: datetime, end: datetime) -> bool:
        """Say whether a time was heard wholly, but for gaps of LONGEST_GAP together."""
        deaf = (min(gap.until, end) - max(gap.since, start) for gap in self._gaps[site])
        return (
            end <= self._ends[site] and sum((max(d, timedelta()) for d in deaf), timedelta()) <= LONGEST_GAP
        )


def evaluate(data: Path) -> dict[str, Any]:
    """Return precision, lead, recall and calibration, whole and by model, vendor and firmware.

    Raises: FileNotFoundError, ValueError as `field_data.read`.
    """
    told = read(data)
    past = Past(told)
    labels = [labelled(past, site, episode) for site, episode in told.episodes]
    outcomes = [outcome(past, site, score) for site, score in told.scores]
    figures: dict[str, Any] = {
        **_warnings(labels),
        "recall": _recall(past, labels),
        "calibration": _calibration(outcomes),
    }
    for group in GROUPS:
        names = {_group(each, group) for each in labels} | {_group(each, group) for each in outcomes}
        figures[f"by_{group}"] = {
            name: {
                **_warnings([each for each in labels if _group(each, group) == name]),
                "calibration": _calibration([each for each in outcomes if _group(each, group) == name]),
            }
            for name in sorted(names)
        }
    return figures


def labelled(past: Past, site: str, episode: Episode) -> Label:
    """Return an episode with what came of it."""
    evse = (site, episode.charger_id, episode.connector_id)
    start, history = episode.raised_at, past.of(evse)
    failure = next((each for each in history.failures if start < each.began_at <= start + LATEST), None)
    failed_at = None if failure is None else failure.began_at
    done = _verdict_on(episode, history)
    if done is not None and failed_at is not None and done.verdict is Verdict.CONFIRMED:
        failed_at = failed_at if failed_at < done.finished_at else None
    verdict = None if done is None else done.verdict
    if failed_at is not None:
        true: bool | None = failed_at - start >= SOONEST
    elif verdict is not None:
        true = verdict is Verdict.CONFIRMED
    else:
        true = False if past.observed(site, start, start + LATEST) else None
    return Label(evse, episode, true, verdict, failed_at)


def _verdict_on(episode: Episode, history: History) -> WorkDone | None:
    named = [done for done in history.work if episode.alert_id in done.alert_ids]
    near = [
        done
        for done in history.work
        if not done.alert_ids and episode.raised_at <= done.finished_at <= episode.raised_at + OF_VERDICT
    ]
    return next(iter(named or near), None)


def outcome(past: Past, site: str, score: Score) -> Outcome:
    """Return a row of foretold risk with what came of it within each horizon."""
    evse = (site, score.charger_id, score.connector_id)
    history = past.of(evse)
    began = bisect_right(history.failures, score.at, key=lambda each: each.began_at)
    before = history.failures[began - 1] if began else None
    if before is not None and score.at <= (before.ended_at or score.at) + BACK_IN_RISK:
        return Outcome(evse, score, dict.fromkeys(HORIZONS))
    next_at = history.failures[began].began_at if began < len(history.failures) else None
    mended = next(
        (done.finished_at for done in history.work if done.finished_at > score.at and _mends(done)), None
    )
    found: dict[str, bool | None] = {}
    for name, (horizon, _) in HORIZONS.items():
        end = score.at + horizon
        failed = next_at is not None and next_at <= end and (mended is None or next_at <= mended)
        censored = mended is not None and mended <= end
        known = failed or not (censored or not past.observed(site, score.at, end))
        found[name] = failed if known else None
    return Outcome(evse, score, found)


def _mends(done: WorkDone) -> bool:
    return done.verdict is Verdict.CONFIRMED or done.action in RENEWS


def _warnings(labels: list[Label]) -> dict[str, Any]:
    counted = [each for each in labels if each.true is not None]
    true = np.array([bool(each.true) for each in counted], dtype=bool)
    leads = [
        (each.failed_at - each.episode.raised_at) / DAY for each in counted if each.true and each.failed_at
    ]
    return {
        "episodes": len(labels),
        "counted": len(counted),
        "true": int(true.sum()),
        "verdicts": {kind: sum(each.verdict is kind for each in labels) for kind in Verdict},
        "precision": _interval(counted, lambda places: float(true[places].mean())),
        "median_lead_days": float(np.median(leads)) if leads else None,
    }


def _recall(past: Past, labels: list[Label]) -> dict[str, Any]:
    """Of the failures that came; one that work kept from coming is none of them."""
    caught = {(each.evse, each.failed_at) for each in labels if each.true and each.failed_at is not None}
    failures = [_Unit(evse, each.began_at) for evse, each in past.failures()]
    found = np.array([tuple(each) in caught for each in failures], dtype=bool)
    share = _interval(failures, lambda places: float(found[places].mean()))
    return {"failures": len(failures), "caught": int(found.sum()), "share": share}


class _Unit(NamedTuple):
    evse: Evse
    at: datetime


def _calibration(outcomes: list[Outcome]) -> dict[str, Any]:
    """Return for each horizon how many failed over how many should have, and what would mend it."""
    told: dict[str, Any] = {}
    for name, (_, column) in HORIZONS.items():
        known = [each for each in outcomes if each.failed[name] is not None]
        failed = np.array([bool(each.failed[name]) for each in known], dtype=bool)
        p = np.array([getattr(each.score, column) for each in known], dtype=np.float64)
        change = recalibration(failed, p)
        told[name] = {
            "rows": len(known),
            "failed": int(failed.sum()),
            "expected": float(p.sum()),
            "observed_over_expected": _interval(known, _ratio(failed, p)),
            "recalibration": {"intercept": change.intercept, "slope": change.slope, "errors": change.errors},
        }
    return told


def _ratio(failed: np.ndarray, p: np.ndarray) -> Callable[[np.ndarray], float]:
    return lambda places: float(failed[places].mean() / p[places].mean())


def _interval(
    rows: Iterable[Label] | Iterable[Outcome] | Iterable[_Unit], figure: Callable[[np.ndarray], float]
) -> Interval:
    """Return a figure with its interval over EVSEs; nothing of no rows."""
    names: dict[Evse, int] = {}
    units = np.array([names.setdefault(row.evse, len(names)) for row in rows], dtype=np.int64)
    return bootstrap(units, figure) if len(units) else Interval(None, None, None)


def _group(row: Label | Outcome, group: str) -> str:
    about = row.episode if isinstance(row, Label) else row.score
    return str(getattr(about, group) or "unknown")

"""What the suggestions are worth: yearly cost with them against running to failure, on simulated EVSEs.

Each EVSE's rows are walked in time. Where the failure answer asks for something, the agent's own options are
weighed (`core/options.py`); a visit that is chosen is carried out, unless the failure comes first. It
prevents the failure that follows if that was announced and the part is worn by then, as often as the work on
that part does; half as often where another part was expected. A visit that finds nothing keeps the next one
away for a month. Not counted: that one visit may serve several chargers, and that some hours are quieter.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from edge_agent.core.failure import Risk, contributions, day_of, judged_rows
from edge_agent.core.features import HORIZON_DAYS
from edge_agent.core.maintenance import URGENCIES
from edge_agent.core.modes import likely_mode
from edge_agent.core.options import Case, cheapest, part_for
from edge_agent.core.terms import Terms
from edge_agent.core.usage import NEVER_USED
from edge_agent.simulator.parameters import Mode
from edge_agent.wire.answers import FailureMode, Urgency
from models.training.episodes import evse_months
from models.training.fleet import MODES, SUSPECTS

if TYPE_CHECKING:
    from edge_agent.core.models import FailureModel
    from models.training.fleet import Rows

WORN_RISK = 0.3
"""True P(30 d) from which a part is worn: without wear it is a tenth, from the first stage on a half."""
OTHER_PART = 0.5
QUIET_DAYS = 30.0
REPAIR_DAYS = 1.0
YEAR_MONTHS = 12.0
START = datetime(2024, 1, 1, tzinfo=UTC)
NAMED = {Mode.NETWORK: FailureMode.CONNECTIVITY, Mode.INSULATION: FailureMode.UNKNOWN}
SWEPT = ("revenue_per_hour", "labour_cost", "repair_cost", "call_out_cost", "failure_downtime_hours")
REPEATS = 100


class Advice(NamedTuple):
    """What is known at one row of somebody who asks for something. place: of the row."""

    place: int
    curve: tuple[float, ...]
    mode: FailureMode
    urgency: Urgency


@dataclass(slots=True)
class Bill:
    """What one EVSE has cost: failures by number, prevented ones by share; visits."""

    failures: int = 0
    prevented: float = 0.0
    visits: int = 0
    spent: float = 0.0

    def total(self, terms: Terms) -> float:
        """Return all of it in money."""
        return self.spent + (self.failures - self.prevented) * terms.failure_cost


def yearly_cost(rows: Rows, model: FailureModel, terms: Terms) -> dict[str, Any]:
    """Return cost an EVSE-year with the suggestions, run to failure and by the oracle, as JSON values.

    Each cost is also halved and doubled by itself: `swept` has the share saved then.
    """
    told, known = advised(rows, model), foreseen(rows)
    ours, best = bills(rows, told, terms), bills(rows, known, terms)
    years = evse_months(rows) / YEAR_MONTHS
    swept = {
        f"{name} x {factor:g}": _saved(bills(rows, told, changed), changed)
        for name in SWEPT
        for factor in (0.5, 2.0)
        for changed in [replace(terms, **{name: factor * getattr(terms, name)})]
    }
    return {
        "currency": terms.currency,
        "terms": {each.name: getattr(terms, each.name) for each in fields(terms) if each.name in SWEPT},
        "run_to_failure": sum(each.failures for each in ours) * terms.failure_cost / years,
        "with_suggestions": sum(each.total(terms) for each in ours) / years,
        "oracle": sum(each.total(terms) for each in best) / years,
        "saved": _interval(ours, terms),
        "saved_by_oracle": _saved(best, terms),
        "visits_an_evse_year": sum(each.visits for each in ours) / years,
        "visits_by_oracle": sum(each.visits for each in best) / years,
        "failures_an_evse_year": sum(each.failures for each in ours) / years,
        "prevented": sum(each.prevented for each in ours) / max(sum(each.failures for each in ours), 1),
        "swept": swept,
    }


def advised(rows: Rows, model: FailureModel) -> list[Advice]:
    """Return what the model asks for, row by row."""
    curves, _ = model.explained(rows.x)
    limits = model.thresholds
    asked = (curves[:, 1] >= limits.immediate) | (curves[:, 2] >= limits.within_7_days)
    places = np.flatnonzero(asked | (curves[:, 4] >= limits.within_30_days))
    risks = judged_rows([tuple(row) for row in rows.x[places].tolist()], model) if len(places) else []
    return [
        _advice(place, risk, int(rows.suspect[place]))
        for place, risk in zip(places.tolist(), risks, strict=True)
        if risk.verdict.required
    ]


def _advice(place: int, risk: Risk, suspect: int) -> Advice:
    mode = likely_mode((), contributions(risk), SUSPECTS[suspect] if suspect >= 0 else None)
    return Advice(place, risk.verdict.curve, mode, URGENCIES[risk.verdict.action])


def foreseen(rows: Rows) -> list[Advice]:
    """Return what somebody asks for who sees the wear itself, and which part fails next."""
    worn = np.flatnonzero(rows.oracle[:, -1] >= WORN_RISK)
    return [
        Advice(place, tuple(rows.oracle[place].tolist()), true_mode(rows, place), Urgency.MEDIUM)
        for place in worn.tolist()
    ]


def true_mode(rows: Rows, place: int) -> FailureMode:
    """Return which part fails next, in the answers' words; UNKNOWN where none was seen to."""
    number = int(rows.next_mode[place])
    if number < 0:
        return FailureMode.UNKNOWN
    mode = MODES[number]
    return NAMED[mode] if mode in NAMED else FailureMode(mode.value)


def bills(rows: Rows, advice: list[Advice], terms: Terms) -> list[Bill]:
    """Return what each EVSE cost, acting on the advice, which is in the order of the rows."""
    found = {evse: Bill(failures=count) for evse, count in _failures(rows).items()}
    free_from: dict[int, float] = {}
    for each in advice:
        evse, at = int(rows.evse[each.place]), float(rows.at[each.place])
        if at < free_from.get(evse, 0.0):
            continue
        visit = _visited(each, at, terms)
        if visit is None:
            continue
        visit_at, spent = visit
        onset = at + float(rows.to_failure[each.place])
        bill = found[evse]
        if onset <= visit_at:  # it fails first: the repair is the failure's
            free_from[evse] = onset + REPAIR_DAYS
            continue
        share = _prevented(rows, each, visit_at, terms)
        bill.visits, bill.spent, bill.prevented = bill.visits + 1, bill.spent + spent, bill.prevented + share
        free_from[evse] = onset + REPAIR_DAYS if share else visit_at + QUIET_DAYS
    return list(found.values())


def _failures(rows: Rows) -> dict[int, int]:
    """Return how many failures of each EVSE some row lies before."""
    found = dict.fromkeys(np.unique(rows.evse).tolist(), 0)
    seen = np.isfinite(rows.to_failure)
    onsets = np.round(rows.at[seen] + rows.to_failure[seen], 3)
    for evse, _ in set(zip(rows.evse[seen].tolist(), onsets.tolist(), strict=True)):
        found[evse] += 1
    return found


def _visited(advice: Advice, at: float, terms: Terms) -> tuple[float, float] | None:
    """Return when a visit takes place and what it costs; None where none does."""
    now = START + timedelta(days=at)
    window = now + timedelta(days=day_of(advice.curve, 0.05)) if advice.curve[-1] > 0 else None
    curve = tuple(zip(map(float, HORIZON_DAYS), advice.curve, strict=True))
    option = cheapest(Case(now, curve, advice.mode, advice.urgency, NEVER_USED, window_start=window), terms)
    if option.at is None:
        return None
    lost = terms.preventive_downtime_hours * terms.revenue_per_hour
    spent = terms.call_out_cost + terms.labour_cost + part_for(advice.mode, terms).cost + lost
    return (option.at - START) / timedelta(days=1), spent


def _prevented(rows: Rows, advice: Advice, visit_at: float, terms: Terms) -> float:
    """Return the share of the next failure that a visit prevents."""
    if not rows.next_announced[advice.place] or not _is_worn(rows, advice.place, visit_at):
        return 0.0
    true = true_mode(rows, advice.place)
    return part_for(true, terms).efficacy * (1.0 if true is advice.mode else OTHER_PART)


def _is_worn(rows: Rows, place: int, visit_at: float) -> bool:
    """Tell whether a part is worn at the last row before a moment."""
    last = place
    while (
        last + 1 < len(rows.at) and rows.evse[last + 1] == rows.evse[place] and rows.at[last + 1] <= visit_at
    ):
        last += 1
    return bool(rows.oracle[last, -1] >= WORN_RISK)


def _saved(found: list[Bill], terms: Terms) -> float:
    """Return the share that is saved against running to failure."""
    whole = sum(each.failures for each in found) * terms.failure_cost
    return 1 - sum(each.total(terms) for each in found) / whole if whole else 0.0


def _interval(found: list[Bill], terms: Terms) -> dict[str, float]:
    """Return the share saved and its 95 % interval, by drawing EVSEs anew."""
    rng = np.random.default_rng(0)
    drawn = [
        _saved([found[place] for place in rng.integers(0, len(found), len(found))], terms)
        for _ in range(REPEATS)
    ]
    low, high = np.percentile(drawn, (2.5, 97.5)).tolist()
    return {"value": _saved(found, terms), "low": low, "high": high}

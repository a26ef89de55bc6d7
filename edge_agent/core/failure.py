"""From the model's curve to the failure answer: action, date, window, confidence, reasons.

One curve, the probability of failure by 1, 3, 7, 14 and 30 days, gives all of them, so that they never
contradict each other.
"""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from edge_agent.core.features import FAILURE_FEATURES, HORIZON_DAYS, N_STATELESS, as_matrix
from edge_agent.core.modes import likely_mode as likely_mode  # noqa: PLC0414 - offered here too
from edge_agent.core.wording import CHECKS, CODES_CHECK, DONE, NOT_KNOWN, WORDS
from edge_agent.wire.answers import Action, Contribution, FailureAnswer, FailureMode, Window
from edge_agent.wire.metrics import ConnectorStatus

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from typing import Literal

    from edge_agent.core.charger import Charger
    from edge_agent.core.models import FailureModel

LEAST_TOLD = 0.01
MOST_CONTRIBUTIONS = 6
WORTH_TELLING = 0.05
"""Log-odds below which a contribution is noise to a reader."""
LOW_CONFIDENCE = 0.05
"""Below it an answer is no better than the average and asks for nothing."""
DEAD_STREAK = 3
"""Starts without energy, one after the other, after which an EVSE counts as failed."""
DOWN = (ConnectorStatus.FAULTY, ConnectorStatus.OFFLINE)
ALL_BINS = len(HORIZON_DAYS)
SEVEN_DAYS = HORIZON_DAYS.index(7)
BINS_OF = {Action.IMMEDIATE: 2, Action.WITHIN_7_DAYS: 3, Action.WITHIN_30_DAYS: ALL_BINS}
"""How many bins lie before the horizon at which each action is read."""


class FailureVerdict(NamedTuple):
    """The judgement in short: the curve, and what it asks for."""

    curve: tuple[float, ...]
    action: Action
    required: bool

    @property
    def probability(self) -> float:
        """P(failure within 30 days)."""
        return self.curve[-1]


class Risk(NamedTuple):
    """One row's judgement with its reasons.

    row: the model's input. moved: what each of it moves, in the bin that bears most of the risk of those
    before the action's horizon; see `FailureModel.explained`.
    """

    row: tuple[float, ...]
    verdict: FailureVerdict
    moved: tuple[float, ...]


FAILED = FailureVerdict((1.0,) * ALL_BINS, Action.IMMEDIATE, required=True)


class Down(NamedTuple):
    """That an EVSE has failed already: since when, and how that is known."""

    since: datetime
    why: str


def judged_rows(rows: Sequence[tuple[float, ...]], model: FailureModel) -> list[Risk]:
    """Return the judgement of each row, by one call of the model. rows: see `FailureModel.explained`."""
    curves, moved = model.explained(as_matrix(rows))
    risks = []
    for row, curve, reasons in zip(rows, curves.tolist(), moved, strict=True):
        judged = verdict(tuple(curve), row, model)
        risks.append(Risk(row, judged, tuple(reasons[_heaviest_bin(judged)].tolist())))
    return risks


def _heaviest_bin(judged: FailureVerdict) -> int:
    curve = judged.curve
    risks = [end - begin for begin, end in zip((0.0, *curve), curve, strict=False)]
    bins = risks[: BINS_OF[judged.action]]
    return bins.index(max(bins))


def verdict(curve: tuple[float, ...], row: Sequence[float], model: FailureModel) -> FailureVerdict:
    """Return what a curve asks for: P(failure by each of HORIZON_DAYS) against the model's thresholds.

    An answer that is no better than the average asks for nothing.
    """
    limits = model.thresholds if has_history(row) else model.thresholds_stateless
    action, required = Action.WITHIN_30_DAYS, curve[4] >= limits.within_30_days
    if curve[1] >= limits.immediate:
        action, required = Action.IMMEDIATE, True
    elif curve[2] >= limits.within_7_days:
        action, required = Action.WITHIN_7_DAYS, True
    if required and confidence(curve, row, model) < LOW_CONFIDENCE:
        action, required = Action.WITHIN_30_DAYS, False
    return FailureVerdict(curve, action, required)


def confidence(curve: Sequence[float], row: Sequence[float], model: FailureModel) -> float:
    """Return how far to trust the answer, 0 to 1.

    How much more it says than the base rate b does, g / (1 + g) with g = (p - b)^2 / (b (1 - b)): the Brier
    skill that a calibrated p at 7 days is expected to have. Less for inputs that are unknown or unlike those
    of the training, each by how much of the answer rests on it.
    Source: DeGroot, Fienberg, "The Comparison and Evaluation of Forecasters", The Statistician, 1983.
    """
    history = has_history(row)
    trust = model.trust[0 if history else 1]
    used = row if history else row[:N_STATELESS]
    scope = model.scope
    if scope is None:
        known = sum(not math.isnan(value) for value in row[:N_STATELESS]) / N_STATELESS
        return round(trust * (0.5 + 0.5 * known), 3)
    whole = alike = 0.0
    for value, weight, low, high in zip(used, scope.weight, scope.low, scope.high, strict=False):
        whole += weight
        if low <= value <= high:
            alike += weight
    base = scope.base_rate
    gain = (curve[SEVEN_DAYS] - base) ** 2 / (base * (1 - base))
    return round(trust * gain / (1 + gain) * alike / whole, 3) if whole else 0.0


def has_history(row: Sequence[float]) -> bool:
    """Tell whether the charger's own history is in a row."""
    return not math.isnan(row[N_STATELESS])


def down(charger: Charger) -> Down | None:
    """Return since when and why an EVSE counts as failed already; None while it can deliver.

    Vehicles have no identity here, so three failed plug-ins in a row stand for three vehicles.
    """
    if charger.status in DOWN:
        told = f", {', '.join(charger.errors)}" if charger.errors else ""
        return Down(charger.status_since, f"{charger.status}{told}")
    history = charger.history
    if history.failed_streak >= DEAD_STREAK and history.failed_since is not None:
        return Down(
            history.failed_since, f"{history.failed_streak} starts without energy, one after the other"
        )
    return None


def day_of(curve: Sequence[float], share: float) -> float:
    """Return by which day so large a share of the failures within 30 days will have come.

    curve: P(failure by each of HORIZON_DAYS), taken as linear between them.
    """
    wanted = share * curve[-1]
    before_p, before_day = 0.0, 0.0
    for p, day in zip(curve, HORIZON_DAYS, strict=True):
        if wanted < p:
            return before_day + (day - before_day) * (wanted - before_p) / (p - before_p)
        before_p, before_day = p, float(day)
    return before_day


def contributions(risk: Risk) -> list[Contribution]:
    """Return how much each known input moves the log hazard against an average row; largest first.

    The model is a sum over its inputs, so these are its Shapley values exactly: no other input changes what
    one adds.
    """
    found = [
        (round(each, 4), name, value)
        for name, value, each in zip(FAILURE_FEATURES, risk.row, risk.moved, strict=True)
        if (each >= WORTH_TELLING or each <= -WORTH_TELLING) and not math.isnan(value)
    ]
    found.sort(key=lambda each: (-abs(each[0]), each[1]))
    return [
        Contribution(feature=name, value=value, contribution=each)
        for each, name, value in found[:MOST_CONTRIBUTIONS]
    ]


def sentence(contribution: Contribution) -> str:
    """Return the contribution as a technician reads it."""
    what, unit = WORDS[contribution.feature]
    value = 0.0 if contribution.value is None else contribution.value
    told = f"{value:.3g}" if value == 0 or abs(value) >= LEAST_TOLD else f"under {LEAST_TOLD}"
    return f"{what} {told}{unit} {'raises' if contribution.contribution > 0 else 'lowers'} the risk"


def failure_answer(
    charger: Charger, risk: Risk, model: FailureModel, told: tuple[datetime, Literal["telemetry", "request"]]
) -> FailureAnswer:
    """Return the whole answer for one EVSE.

    told: the moment from which its dates count, and what the answer rests on.
    """
    at, origin = told
    failed = down(charger) if model.calibrated else None
    if failed is not None:
        risk = risk._replace(verdict=FAILED)
    judged, row = risk.verdict, risk.row
    factors, trust = contributions(risk), confidence(judged.curve, row, model)
    mode = likely_mode(charger.errors, factors, charger.trouble.suspect)
    by_day = dict(zip(HORIZON_DAYS, (round(p, 6) for p in judged.curve), strict=True))
    date, window = _dates(judged, at, failed) if judged.required else (None, None)
    return FailureAnswer(
        charger_id=charger.charger_id,
        connector_id=charger.connector_id,
        tenant_id=charger.tenant_id,
        failure_probability=by_day[30],
        failure_probability_by_horizon={"1d": by_day[1], "7d": by_day[7], "30d": by_day[30]},
        predicted_failure_date=date,
        predicted_failure_window=window,
        confidence=trust,
        confidence_score=trust,
        recommended_action=judged.action,
        recommended_action_window=judged.action,
        recommended_actions=_checks(factors, judged, trust, mode),
        top_contributing_factors=_reasons(factors, failed),
        contributions=factors,
        action_required=judged.required,
        likely_failure_mode=mode,
        failed_since=failed.since if failed else None,
        calibrated=model.calibrated,
        origin=origin,
        history=has_history(row),
        engine=model.engine,
        model_version=model.version,
        timestamp=at,
    )


def _dates(judged: FailureVerdict, at: datetime, failed: Down | None) -> tuple[datetime, Window]:
    if failed is not None:
        return failed.since, Window(start=failed.since, end=failed.since)
    early, median, late = (at + timedelta(days=day_of(judged.curve, share)) for share in (0.05, 0.5, 0.95))
    return median, Window(start=early, end=late)


def _reasons(factors: list[Contribution], failed: Down | None) -> list[str]:
    reasons = [sentence(each) for each in factors]
    if failed is not None:
        reasons.insert(0, f"already failed, since {failed.since:%Y-%m-%d %H:%M} UTC: {failed.why}")
    return reasons[:MOST_CONTRIBUTIONS]


def _checks(
    factors: list[Contribution], judged: FailureVerdict, trust: float, mode: FailureMode
) -> list[str]:
    """Return what a technician can do: what the signs ask for, then what the likely part does."""
    if not judged.required:
        return [NOT_KNOWN if trust < LOW_CONFIDENCE else "Nothing to do."]
    asked = [
        CHECKS[each.feature].format(value=each.value)
        for each in factors
        if each.contribution > 0 and each.feature in CHECKS
    ]
    asked += [CODES_CHECK[mode]] if mode in CODES_CHECK else []
    return list(dict.fromkeys(asked)) or [DONE]

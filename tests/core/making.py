"""Readings, models and runs, as tests of the core need them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np

from edge_agent.core.charger import Charger, newcomer, observe
from edge_agent.core.features import FAILURE_FEATURES, HORIZON_DAYS, FloatArray
from edge_agent.core.models import Models, Scope, Thresholds
from edge_agent.core.pipeline import Outcome, Site, step
from edge_agent.core.rules import RulesAnomaly, RulesFailure
from edge_agent.wire.alert import Alert
from edge_agent.wire.answers import Engine
from edge_agent.wire.metrics import Metrics, Quantities
from edge_agent.wire.reading import Event, Reading, Source
from edge_agent.wire.types import EvseId

NOON = datetime(2025, 10, 1, 12, 0, tzinfo=UTC)
EVSE = EvseId("A", 1)
EPOCH = "epoch-1"
RULES = Models(RulesFailure(), RulesAnomaly())


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def said(seconds: float, status: str = "AVAILABLE", **told: object) -> Reading:
    """Return a whole measurement, so many seconds after noon."""
    metrics = Metrics.model_validate({"connector_status": status, **told})
    return Reading(
        charger_id="A", connector_id=1, metrics=metrics, received_at=at(seconds), source=Source.METRICS
    )


def added(seconds: float, **told: object) -> Reading:
    """Return a partial reading, as OCPP frames give them."""
    status = told.pop("status", None)
    named = {"connector_status": status} if status else {}
    metrics = Quantities.model_validate({**named, **told})
    return Reading(
        charger_id="A", connector_id=1, metrics=metrics, received_at=at(seconds), source=Source.OCPP
    )


def found(seconds: float, status: str | None) -> Reading:
    """Return the agent's own finding."""
    return added(seconds)._replace(
        metrics=Quantities.model_validate({"connector_status": status}), source=Source.AGENT
    )


def began(seconds: float, register_kwh: float | None = None, call_id: str | None = "call-1") -> Reading:
    return added(seconds)._replace(
        event=Event.TRANSACTION_STARTED, register_kwh=register_kwh, call_id=call_id
    )


def confirmed(seconds: float, transaction_id: str, call_id: str = "call-1") -> Reading:
    return added(seconds)._replace(
        connector_id=None, event=Event.TRANSACTION_CONFIRMED, call_id=call_id, transaction_id=transaction_id
    )


def finished(seconds: float, transaction_id: str, register_kwh: float | None = None) -> Reading:
    return added(seconds)._replace(
        connector_id=None,
        event=Event.TRANSACTION_ENDED,
        transaction_id=transaction_id,
        register_kwh=register_kwh,
    )


def metered(seconds: float, register_kwh: float) -> Reading:
    return added(seconds)._replace(register_kwh=register_kwh)


def stranger(seconds: float = 0.0) -> Charger:
    """Return an EVSE of which nothing is known yet."""
    return newcomer(EVSE, at(seconds))


def folded(readings: Sequence[Reading], charger: Charger | None = None) -> Charger:
    """Return the EVSE after the readings."""
    charger = charger or newcomer(EVSE, readings[0].at if readings else NOON)
    for reading in readings:
        charger = observe(charger, reading, charger.heard_at).charger
    return charger


class RisingModel:
    """A calibrated failure model whose log-odds at 30 days rise with one input; unknown is no risk."""

    engine: Engine = "onnx"
    version = "rising-1"
    calibrated = True
    thresholds = Thresholds(immediate=0.5, within_7_days=0.5, within_30_days=0.5)
    thresholds_stateless = thresholds
    scope: Scope | None = None
    trust = (0.8, 0.4)

    def __init__(self, feature: str = "temperature", even_at: float = 40.0, slope: float = 1.0) -> None:
        self._column, self._even_at, self._slope = FAILURE_FEATURES.index(feature), even_at, slope

    def explained(self, rows: FloatArray) -> tuple[FloatArray, FloatArray]:
        return self.probabilities(rows), self.contributions(rows)

    def probabilities(self, rows: FloatArray) -> FloatArray:
        known = np.nan_to_num(rows[:, self._column].astype(np.float64) - self._even_at, nan=-20.0)
        survival = 1 - 1 / (1 + np.exp(np.clip(-self._slope * known, -50, 50)))[:, np.newaxis]
        return (1 - survival ** (np.array(HORIZON_DAYS) / 30)).astype(np.float32)

    def contributions(self, rows: FloatArray) -> FloatArray:
        found = np.zeros((len(rows), len(HORIZON_DAYS), rows.shape[1]), dtype=np.float32)
        moved = np.maximum(self._slope * (rows[:, self._column] - self._even_at), 0.0)
        found[:, :, self._column] = np.nan_to_num(moved, nan=0.0)[:, np.newaxis]
        return found


class CurveModel(RisingModel):
    """A calibrated failure model that says the same of everything."""

    version = "curve-1"

    def __init__(self, *curve: float) -> None:
        super().__init__()
        self._curve = curve

    def probabilities(self, rows: FloatArray) -> FloatArray:
        return np.tile(np.array(self._curve, dtype=np.float32), (len(rows), 1))


class VotingModel:
    """An anomaly model that always votes the same."""

    engine: Engine = "onnx"
    version = "voting-1"

    def __init__(self, vote: float) -> None:
        self._vote = vote

    def scores(self, rows: FloatArray) -> FloatArray:
        return np.full(len(rows), self._vote, dtype=np.float32)


def site(most_chargers: int = 200) -> Site:
    return Site(EPOCH, most_chargers)


def stepped(
    readings: Sequence[Reading], models: Models = RULES, start: Site | None = None
) -> tuple[Site, list[Outcome]]:
    """Return the site after the readings, taken one by one, and what each led to."""
    after, outcomes = start or site(), list[Outcome]()
    for reading in readings:
        after, (outcome,) = step(after, [reading], models)
        outcomes.append(outcome)
    return after, outcomes


def news(readings: Sequence[Reading], models: Models = RULES, start: Site | None = None) -> list[Alert]:
    """Return all alerts that the readings led to, in order."""
    return [alert for outcome in stepped(readings, models, start)[1] for alert in outcome.alerts]


def lives(readings: Sequence[Reading], models: Models = RULES, start: Site | None = None) -> list[str]:
    """Return the alerts' types and states, in order."""
    return [f"{alert.alert_type} {alert.state}" for alert in news(readings, models, start)]

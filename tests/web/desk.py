"""A desk with a small site, for the web side's tests and for looking at the page."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from edge_agent.core.alert import answered
from edge_agent.core.signs import Watch
from edge_agent.core.suggestions import Decision, decided
from edge_agent.core.work import work_done
from edge_agent.desk import DECISIONS
from edge_agent.errors import EdgeAgentError
from edge_agent.ports import Changes
from edge_agent.wire.alert import Acknowledgement, Alert, AlertState, AlertType, Quiet, Severity, Silence
from edge_agent.wire.answers import (
    Action,
    AnomalyAnswer,
    AnomalyType,
    CostBenefit,
    FailureAnswer,
    FailureAnswers,
    MaintenanceAnswer,
    Resolution,
    Urgency,
    Window,
)
from edge_agent.wire.metrics import ConnectorStatus, Metrics
from edge_agent.wire.rest import (
    ChargerSummary,
    DecisionRequest,
    DeviceChangeRequest,
    Health,
    HealthStatus,
    ModelEntry,
    ModelStatus,
    RecordedMessage,
    Recording,
    ReloadAnswer,
)
from edge_agent.wire.service import Change, DeviceChange, WorkDone, WorkRequest
from edge_agent.wire.todo import Todo

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
MARKUP = "<img src=x onerror=alert(1)>"


def failure_answer(charger_id: str, probability: float, tenant_id: str | None = None) -> FailureAnswer:
    urgent = probability > 0.5
    return FailureAnswer(
        charger_id=charger_id,
        tenant_id=tenant_id,
        engine="onnx" if urgent else "rules",
        model_version="v1.0.0",
        timestamp=NOW,
        failure_probability=probability,
        failure_probability_by_horizon={"1d": probability / 9, "7d": probability / 3, "30d": probability},
        predicted_failure_date=NOW + timedelta(days=5) if urgent else None,
        predicted_failure_window=Window(start=NOW, end=NOW + timedelta(days=9)) if urgent else None,
        confidence=0.85,
        confidence_score=0.85,
        recommended_action=Action.WITHIN_7_DAYS if urgent else Action.WITHIN_30_DAYS,
        recommended_action_window=Action.WITHIN_7_DAYS if urgent else Action.WITHIN_30_DAYS,
        recommended_actions=["Check the fan and its filter."],
        top_contributing_factors=["Temperature is high for this power."],
        contributions=[],
        action_required=urgent,
        calibrated=urgent,
        origin="request",
        history=False,
    )


def anomaly_answer(charger_id: str, score: float, tenant_id: str | None = None) -> AnomalyAnswer:
    return AnomalyAnswer(
        charger_id=charger_id,
        tenant_id=tenant_id,
        engine="rules",
        model_version="v1.0.0",
        timestamp=NOW,
        is_anomaly=score >= 50,
        anomaly_score=score,
        anomaly_type=AnomalyType.OVER_TEMPERATURE if score >= 50 else AnomalyType.NORMAL,
        deviation={},
    )


def maintenance_answer(
    charger_id: str, tenant_id: str | None = None, connector_id: int = 1
) -> MaintenanceAnswer:
    return MaintenanceAnswer(
        charger_id=charger_id,
        tenant_id=tenant_id,
        connector_ids=[connector_id],
        suggestion_id="s-1",
        recommended_date=NOW + timedelta(days=2),
        recommended_maintenance_datetime=NOW + timedelta(days=2),
        urgency=Urgency.HIGH,
        urgency_level=Urgency.HIGH,
        estimated_downtime_hours=1.5,
        cost_benefit=CostBenefit(
            preventive_maintenance_cost=180,
            expected_failure_cost=640,
            net_savings=460,
            currency="EUR",
        ),
        rationale=["The risk within 30 days is 71 %.", "Wednesday night is when it is used least."],
        action_required=True,
        likely_failure_mode="COOLING",
        resolution=Resolution.SITE_VISIT,
        parts=["fan", "filter"],
        model_version="v1.0.0",
        timestamp=NOW,
    )


def _alert(alert_id: str, charger_id: str, alert_type: AlertType, severity: Severity, message: str) -> Alert:
    return Alert(
        alert_id=alert_id,
        charger_id=charger_id,
        connector_id=1,
        alert_type=alert_type,
        severity=severity,
        state=AlertState.OPEN,
        raised_at=NOW - timedelta(hours=3),
        updated_at=NOW,
        message=message,
    )


HOT = _alert(
    "a-1",
    "CHG_002",
    AlertType.OVER_TEMPERATURE,
    Severity.CRITICAL,
    "The cabinet is at 63 °C and getting hotter.",
)
ODD = _alert("a-2", "CHG_003", AlertType.ANOMALY, Severity.WARNING, f"Power drops while charging {MARKUP}")


def _summary(
    charger_id: str, label: str | None, status: ConnectorStatus, alert: Alert | None
) -> ChargerSummary:
    bad = alert is not None
    return ChargerSummary(
        charger_id=charger_id,
        connector_id=1,
        label=label,
        status=status,
        status_since=NOW,
        last_heard_at=NOW,
        energy_delivered=12.0,
        power=0.0 if bad else 7.2,
        temperature=63.0 if bad else None,
        error_codes=["CX005", "HighTemperature"] if bad else [],
        failure=failure_answer(charger_id, 0.71 if bad else 0.04),
        anomaly=anomaly_answer(charger_id, 81 if bad else 3),
        open_alerts=[alert] if alert else [],
        todo=Todo(do=Resolution.SITE_VISIT, part="fan", why=alert.message) if alert else Todo(),
    )


class FakeDesk:
    """Implements `Desk`. Its answers tell what was asked: probability is power / 100, score is temperature.

    trouble: what every question and order raises, where a test wants that.
    waited_in: the thread in which the last order was carried out. orders: whose keys they came with.
    """

    def __init__(self) -> None:
        self.trouble: EdgeAgentError | RuntimeError | None = None
        self.status = HealthStatus.HEALTHY
        self.site_alerts = [HOT, ODD]
        self.suggested = maintenance_answer("CHG_002")
        self.waited_in: int | None = None
        self.orders: list[str] = []
        self.news: list[Alert | str] = []

    def failures(self, asked: Sequence[tuple[str, Metrics]], tenant_id: str | None) -> list[FailureAnswer]:
        self.fail()
        return [failure_answer(charger, (metrics.power or 0) / 100, tenant_id) for charger, metrics in asked]

    def anomaly(self, charger_id: str, metrics: Metrics, tenant_id: str | None) -> AnomalyAnswer:
        self.fail()
        return anomaly_answer(charger_id, metrics.temperature or 0, tenant_id)

    def maintenance(self, charger_id: str, metrics: Metrics, tenant_id: str | None) -> MaintenanceAnswer:
        self.fail()
        return maintenance_answer(charger_id, tenant_id, metrics.connector_id)

    def latest(self, charger_id: str) -> FailureAnswers | None:
        if charger_id not in {"CHG_001", "A%2FB"}:
            return None
        answer = failure_answer(charger_id, 0.25)
        return FailureAnswers(**dict(answer), connectors=[answer])

    def models(self) -> list[ModelEntry]:
        entry = ModelEntry(
            name="failure_predictor",
            version="v1.0.0",
            type="FailurePredictor",
            status=ModelStatus.LOADED,
            loaded_at=NOW,
        )
        return [entry]

    def reload(self, model_name: str | None, who: str) -> ReloadAnswer:
        self.fail()
        self.orders.append(who)
        self.waited_in = threading.get_ident()
        return ReloadAnswer(
            success=True, model_name=model_name or "all", version="v1.0.0", message="", timestamp=NOW
        )

    def health(self) -> Health:
        checks = {"models": {"status": "loaded", "count": 3}, "broker": {"status": self.status}}
        return Health(status=self.status, version="0.1.0", checks=checks)

    def chargers(self) -> list[ChargerSummary]:
        self.fail()
        return [
            _summary("CHG_002", "Car park north", ConnectorStatus.FAULTY, HOT),
            _summary("CHG_003", MARKUP, ConnectorStatus.CHARGING, ODD),
            _summary("CHG_001", "Entrance", ConnectorStatus.CHARGING, None),
            _summary("CHG_004", None, ConnectorStatus.AVAILABLE, None),
        ]

    def alerts(self) -> list[Alert]:
        self.fail()
        return self.site_alerts

    def mark(self) -> object:
        return len(self.news)

    def changes_since(self, mark: object) -> tuple[object, Changes]:
        assert isinstance(mark, int)
        news = self.news[mark:]
        return len(self.news), Changes(
            alerts=[each for each in news if isinstance(each, Alert)],
            over=[each for each in news if isinstance(each, str)],
        )

    def chargers_since(self, mark: object) -> tuple[object, list[ChargerSummary]]:
        return mark, self.chargers()[:1]

    def suggestions(self) -> list[MaintenanceAnswer]:
        self.fail()
        return [self.suggested]

    def answer_alert(self, told: Acknowledgement | Silence, who: str) -> Alert | None:
        self.fail()
        self.orders.append(who)
        self.waited_in = threading.get_ident()
        for place, alert in enumerate(self.site_alerts):
            _, changed = answered(Watch(alert=alert), told, NOW, alert.seq + 1)
            if changed is not None:
                self.site_alerts[place] = changed
                return changed
        return None

    def decide(self, suggestion_id: str, request: DecisionRequest, who: str) -> MaintenanceAnswer | None:
        self.fail()
        self.orders.append(who)
        self.waited_in = threading.get_ident()
        standing = self.suggested
        decision = Decision(DECISIONS[request.decision], NOW, request.at, request.reason)
        return decided(standing, decision) if standing.suggestion_id == suggestion_id else None

    def recording(self, after: int | None) -> Recording:
        self.fail()
        self.waited_in = threading.get_ident()
        item = RecordedMessage(
            topic="evzone/v1/site/chargers/charger-1/metrics", payload={"power": 1}, at=NOW
        )
        return Recording(items=[item], next=(after or 0) + 1, missed=0)

    def quieten(self, quiet: Quiet, who: str) -> Quiet | None:
        self.fail()
        self.orders.append(who)
        self.waited_in = threading.get_ident()
        return quiet if quiet.charger_id in {"CHG_001", "A%2FB"} else None

    def change_device(
        self, charger_id: str, change: Change, request: DeviceChangeRequest, who: str
    ) -> DeviceChange | None:
        self.fail()
        self.orders.append(who)
        self.waited_in = threading.get_ident()
        if charger_id not in {"CHG_001", "A%2FB"}:
            return None
        told = {"by": request.by, "note": request.note}
        return DeviceChange(charger_id=charger_id, connector_ids=(0, 1), at=NOW, change=change, **told)

    def work_done(self, charger_id: str, request: WorkRequest, who: str) -> WorkDone | None:
        self.fail()
        self.orders.append(who)
        self.waited_in = threading.get_ident()
        return work_done(charger_id, request) if charger_id in {"CHG_001", "A%2FB"} else None

    def fail(self) -> None:
        if self.trouble is not None:
            raise self.trouble

"""Requests, answers, alerts and records as they cross the edges."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from pydantic import ValidationError

from edge_agent.wire.alert import Alert, AlertState, AlertType, Severity
from edge_agent.wire.answers import (
    Action,
    AnomalyAnswer,
    AnomalyType,
    Contribution,
    FailureAnswer,
    FailureAnswers,
    Resolution,
    SuggestionState,
    Urgency,
    Window,
)
from edge_agent.wire.outbox import Record, RecordType, Stream
from edge_agent.wire.rest import AcknowledgeRequest, BatchRequest, FlatMetrics, PredictionRequest

NOON = datetime(2025, 10, 1, 12, 0, tzinfo=UTC)
IDLE = {"connector_status": "AVAILABLE"}


def failure(**told: object) -> FailureAnswer:
    fields: dict[str, object] = {
        "charger_id": "A",
        "engine": "onnx",
        "model_version": "m-1",
        "timestamp": NOON,
        "failure_probability": 0.5,
        "failure_probability_by_horizon": {"1d": 0.1, "7d": 0.2, "30d": 0.5},
        "predicted_failure_date": NOON,
        "predicted_failure_window": {"start": NOON, "end": NOON + timedelta(days=1)},
        "confidence": 0.5,
        "confidence_score": 0.5,
        "recommended_action": "IMMEDIATE",
        "recommended_action_window": "IMMEDIATE",
        "recommended_actions": [],
        "top_contributing_factors": [],
        "contributions": [],
        "action_required": True,
        "calibrated": True,
        "origin": "telemetry",
        "history": True,
    }
    return FailureAnswer.model_validate({**fields, **told})


def test_a_request_may_leave_out_the_inner_charger_or_repeat_it() -> None:
    assert PredictionRequest.model_validate({"charger_id": "A", "metrics": IDLE}).metrics.charger_id is None
    repeated = {"charger_id": "A", "metrics": {**IDLE, "charger_id": "A"}}
    assert PredictionRequest.model_validate(repeated).charger_id == "A"


def test_a_request_about_two_chargers_is_refused_and_names_both() -> None:
    with pytest.raises(ValidationError, match="is 'B' but charger_id is 'A'"):
        PredictionRequest.model_validate({"charger_id": "A", "metrics": {**IDLE, "charger_id": "B"}})


@pytest.mark.parametrize("charger_id", ["_site", "", "a/b", None])
def test_a_request_about_no_charger_is_refused(charger_id: object) -> None:
    with pytest.raises(ValidationError):
        PredictionRequest.model_validate({"charger_id": charger_id, "metrics": IDLE})


def test_flat_metrics_must_name_their_charger() -> None:
    assert FlatMetrics.model_validate({**IDLE, "charger_id": "A"}).charger_id == "A"
    with pytest.raises(ValidationError):
        FlatMetrics.model_validate(IDLE)


def test_a_batch_holds_1_to_1000_chargers() -> None:
    one = {**IDLE, "charger_id": "A"}
    assert len(BatchRequest.model_validate({"chargers": [one] * 1000}).chargers) == 1000
    for wrong in ([], [one] * 1001):
        with pytest.raises(ValidationError):
            BatchRequest.model_validate({"chargers": wrong})


def test_an_acknowledgement_says_by_whom() -> None:
    assert AcknowledgeRequest.model_validate({"by": "tech-1"}).note is None
    for wrong in ({}, {"by": ""}, {"by": "x" * 65}, {"by": "x", "note": "y" * 1001}):
        with pytest.raises(ValidationError):
            AcknowledgeRequest.model_validate(wrong)


def test_times_go_out_as_rfc_3339_with_z() -> None:
    told = json.loads(failure().model_dump_json())
    assert told["timestamp"] == "2025-10-01T12:00:00Z"
    assert told["predicted_failure_window"] == {
        "start": "2025-10-01T12:00:00Z",
        "end": "2025-10-02T12:00:00Z",
    }


@pytest.mark.parametrize(
    ("moment", "written"),
    [
        (NOON.replace(tzinfo=None), "2025-10-01T12:00:00Z"),
        (NOON.astimezone(timezone(timedelta(hours=5, minutes=30))), "2025-10-01T12:00:00Z"),
        (NOON.replace(microsecond=1500), "2025-10-01T12:00:00.001500Z"),
    ],
)
def test_times_of_any_zone_go_out_in_utc(moment: datetime, written: str) -> None:
    assert json.loads(failure(timestamp=moment).model_dump_json())["timestamp"] == written


@pytest.mark.parametrize(
    "told",
    [
        {"failure_probability": 1.01},
        {"failure_probability": -0.01},
        {"failure_probability": float("nan")},
        {"failure_probability_by_horizon": {"2d": 0.1}},
        {"confidence": 1.5},
        {"recommended_action": "SOON"},
        {"top_contributing_factors": ["x"] * 7},
        {"contributions": [{"feature": "x", "value": 1, "contribution": 1}] * 7},
        {"contributions": [{"feature": "x", "value": float("inf"), "contribution": 1}]},
        {"origin": "guess"},
        {"engine": "sklearn"},
        {"timestamp": None},
    ],
)
def test_no_answer_goes_out_that_breaks_the_contract(told: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        failure(**told)


def test_the_worst_evses_answer_bears_all_of_them() -> None:
    worst = FailureAnswers.model_validate({**failure().model_dump(), "connectors": [failure()]})
    assert worst.connectors == [failure()]
    assert set(json.loads(worst.model_dump_json())) == {
        *json.loads(failure().model_dump_json()),
        "connectors",
    }


@pytest.mark.parametrize("score", [-0.1, 100.1, float("nan")])
def test_an_anomaly_score_is_zero_to_a_hundred(score: float) -> None:
    with pytest.raises(ValidationError):
        AnomalyAnswer(
            charger_id="A",
            engine="rules",
            model_version="1",
            timestamp=NOON,
            is_anomaly=False,
            anomaly_score=score,
            anomaly_type=AnomalyType.NORMAL,
            deviation={},
        )


def test_the_words_of_the_contract_are_the_words() -> None:
    assert [*Action] == ["IMMEDIATE", "WITHIN_7_DAYS", "WITHIN_30_DAYS"]
    assert [*Urgency] == ["LOW", "MEDIUM", "HIGH", "CRITICAL"]
    assert [*Resolution] == ["NONE", "REMOTE_RESET", "SITE_VISIT", "VENDOR", "GRID"]
    assert [*SuggestionState] == ["PROPOSED", "ACCEPTED", "SCHEDULED", "DONE", "REJECTED"]
    assert [*AlertState] == ["OPEN", "ACKNOWLEDGED", "CLEARED"]
    assert [*Severity] == ["INFO", "WARNING", "CRITICAL"]
    assert [*Stream] == ["alerts", "answers", "readings"]
    assert len(AnomalyType) == 8
    assert len(AlertType) == 15


def test_an_alert_goes_out_and_comes_back_the_same() -> None:
    alert = Alert(
        alert_id="1",
        charger_id="_site",
        connector_id=0,
        alert_type=AlertType.DISK,
        severity=Severity.INFO,
        state=AlertState.OPEN,
        raised_at=NOON,
        updated_at=NOON,
        message="x",
        evidence={"reading": {"temperature": 1.5}, "codes": ["Ω"]},
    )
    written = alert.model_dump_json()
    assert Alert.model_validate_json(written) == alert
    assert json.loads(written)["raised_at"] == "2025-10-01T12:00:00Z"


def test_a_window_and_a_contribution_are_read_with_what_they_do_not_know() -> None:
    window = {"start": "2025-10-01T12:00:00", "end": "2025-10-02T12:00:00Z", "width": 1}
    assert Window.model_validate(window).start == NOON
    assert Contribution.model_validate({"feature": "x", "value": None, "contribution": 0.1}).value is None


def test_a_records_payload_is_text_that_never_changes() -> None:
    record = Record(
        stream=Stream.ALERTS,
        seq=1,
        epoch="e",
        type=RecordType.ALERT,
        charger_id="A",
        ts=NOON,
        clock="trusted",
        payload='{"b": 1,  "a": 2}',
    )
    assert Record.model_validate_json(record.model_dump_json()).payload == '{"b": 1,  "a": 2}'
    with pytest.raises(ValidationError):
        record.ts = NOON  # type: ignore[misc]

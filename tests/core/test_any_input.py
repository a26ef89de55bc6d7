"""Whatever a charger sends: it is decided on without an exception, and what goes out is valid.

An exception here would stop the pipeline thread, and as the message is not acknowledged it would come again.
"""

from __future__ import annotations

import json
import math
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.core.judgement import answers, judge_again
from edge_agent.core.maintenance import maintenance_answer
from edge_agent.core.models import Models
from edge_agent.core.pipeline import Site, step
from edge_agent.core.silence import Listening, Patience, findings
from edge_agent.core.terms import Terms
from edge_agent.sources import Received
from edge_agent.sources.registry import Registry
from edge_agent.wire.alert import Alert
from edge_agent.wire.answers import AnomalyAnswer, FailureAnswer, MaintenanceAnswer
from edge_agent.wire.reading import Reading
from tests.core.making import NOON, RULES, RisingModel, VotingModel, at, site
from tests.core.readings import histories

REGISTRY = Registry("p")
TRAINED = Models(RisingModel(even_at=45.0, slope=0.2), VotingModel(90.0))
LARGEST_KW = 1e12
"""What the wire takes as an amount."""

statuses = st.sampled_from(
    ["AVAILABLE", "CHARGING", "OCCUPIED", "FULLY_CHARGED", "UNAVAILABLE", "OFFLINE", "FAULTY"]
)
spoken = st.sampled_from(
    [
        "Available",
        "Preparing",
        "Charging",
        "SuspendedEV",
        "Finishing",
        "Reserved",
        "Unavailable",
        "Faulted",
        "?",
    ]
)
amounts = st.sampled_from([0, 0.05, 7.2, 5e-324, -1, LARGEST_KW]) | st.floats(0, 100)
degrees = st.sampled_from([-61, -60, 25, 47, 50, 60, 150, 151]) | st.floats(-60, 150)
times = st.sampled_from(
    [
        "2025-10-01T12:00:00Z",
        "2025-10-01T11:59:00Z",
        "2025-10-01T12:04:59Z",
        "2025-10-01T12:00:00",
        "2025-10-01T23:59:59.999999+14:00",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "1970-01-01T00:00:00Z",
        "",
    ]
)
codes = st.sampled_from(
    ["NoError", "WeakSignal", "CutCable", "EmergencyStop", "OtherError", "\u202e\u0000Ω", "💥" * 64]
)
ids = st.integers(1, 3)
metrics = st.fixed_dictionaries(
    {"connector_status": statuses},
    optional={
        "connector_id": st.sampled_from([0, 1, 2, 2**31 - 1]),
        "energy_delivered": amounts,
        "power": amounts,
        "temperature": st.none() | degrees,
        "error_codes": st.lists(codes, max_size=3) | st.just([f"code {n}" for n in range(32)]),
        "uptime_hours": amounts,
        "total_sessions": st.sampled_from([0, 300, 2**53]),
        "last_maintenance": times,
        "power_limit": amounts,
        "soc": st.sampled_from([0, 89.9, 90, 99, 100]),
        "timestamp": times,
        "metadata": st.dictionaries(codes, amounts, max_size=2),
    },
)
samples = st.fixed_dictionaries(
    {"value": (amounts | degrees).map(str)},
    optional={
        "measurand": st.sampled_from(
            [
                "Energy.Active.Import.Register",
                "Power.Active.Import",
                "Power.Offered",
                "Temperature",
                "SoC",
                "Voltage",
                "Current.Offered",
            ]
        ),
        "phase": st.sampled_from(["L1", "L2", "N"]),
        "context": st.sampled_from(["Transaction.Begin", "Transaction.End", "Sample.Clock"]),
        "location": st.sampled_from(["Body", "Outlet", "EV"]),
    },
)
meter_values = st.lists(
    st.fixed_dictionaries({"sampledValue": st.lists(samples, max_size=3)}, optional={"timestamp": times}),
    max_size=2,
)


def calls(
    action: str, required: dict[str, st.SearchStrategy[object]], **optional: st.SearchStrategy[object]
) -> st.SearchStrategy[list[object]]:
    """Return calls of an action."""
    arguments = st.fixed_dictionaries(required, optional=optional)
    return st.tuples(ids.map(str), arguments).map(lambda told: [2, told[0], action, told[1]])


connectors = st.integers(0, 3)
frames = st.one_of(
    calls("BootNotification", {}, chargePointVendor=codes),
    calls("Heartbeat", {}),
    calls(
        "StatusNotification",
        {"connectorId": connectors, "status": spoken, "errorCode": codes},
        timestamp=times,
        vendorErrorCode=codes,
    ),
    calls("StartTransaction", {"connectorId": connectors}, meterStart=amounts, timestamp=times),
    calls(
        "StopTransaction",
        {"transactionId": ids},
        meterStop=amounts,
        timestamp=times,
        transactionData=meter_values,
    ),
    calls("MeterValues", {"connectorId": connectors, "meterValue": meter_values}, transactionId=ids),
    st.tuples(ids.map(str), ids).map(lambda told: [3, told[0], {"transactionId": told[1]}]),
)
messages = st.tuples(
    st.sampled_from(["A", "B", "%F0", "_"]),
    st.tuples(st.just("metrics"), metrics | st.lists(metrics, max_size=3))
    | st.tuples(st.just("ocpp"), frames),
    st.sampled_from([0.0, 0.5, 30.0, 4000.0, -3600.0]),
    st.booleans(),
    st.booleans(),
)


def decoded(history: list[tuple[str, tuple[str, object], float, bool, bool]]) -> list[Reading]:
    """Return the readings of messages that come one after the other, after so many seconds each."""
    received, readings = NOON, list[Reading]()
    for charger_id, (source, document), after_s, retained, burst in history:
        received += timedelta(seconds=after_s)
        payload = json.dumps(document).encode()
        topic = f"p/chargers/{charger_id}/{source}"
        readings.extend(REGISTRY.decode(Received(topic, payload, received, retained, burst)).readings)
    return readings


def decided(readings: list[Reading], models: Models, after: Site | None = None) -> Site:
    """Take the readings through everything that the pipeline thread does with them."""
    after, outcomes = step(after or site(), readings, models)
    for outcome in outcomes:
        for alert in outcome.alerts:
            assert Alert.model_validate_json(alert.model_dump_json()) == alert
        if outcome.charger is not None:
            assert all_finite(outcome.charger.now.model_dump(mode="json"))
        if outcome.judgement is not None:
            failure, anomaly = answers(outcome.judgement)
            assert FailureAnswer.model_validate_json(failure.model_dump_json()) == failure
            assert AnomalyAnswer.model_validate_json(anomaly.model_dump_json()) == anomaly
            suggestion = maintenance_answer(outcome.judgement.charger, failure, Terms())
            assert MaintenanceAnswer.model_validate_json(suggestion.model_dump_json()) == suggestion
    judge_again(after.chargers, models)
    later = at(10_000_000)
    gone = findings(after.chargers, later, Listening(NOON - timedelta(days=1)), Patience())
    after, _ = step(after, gone, models)
    return after


def all_finite(value: object) -> bool:
    if isinstance(value, dict):
        return all(map(all_finite, value.values()))
    return not isinstance(value, float) or math.isfinite(value)


@given(st.lists(messages, min_size=1, max_size=12))
@settings(max_examples=250)
def test_whatever_comes_over_the_wire_is_decided_on(
    history: list[tuple[str, tuple[str, object], float, bool, bool]],
) -> None:
    readings = decoded(history)
    for models in (RULES, TRAINED):
        decided(readings, models)


@given(histories(most=10))
@settings(max_examples=80)
def test_whatever_reading_comes_is_decided_on(history: list[Reading]) -> None:
    decided(history, TRAINED)


LARGEST = {
    "connector_status": "CHARGING",
    "energy_delivered": LARGEST_KW,
    "power": LARGEST_KW,
    "temperature": 150,
    "error_codes": [f"{n:0128}" for n in range(32)],
    "uptime_hours": LARGEST_KW,
    "total_sessions": 2**53,
    "last_maintenance": "0001-01-01T00:00:00Z",
    "power_limit": LARGEST_KW,
    "soc": 100,
    "temperatures": {f"{n:0128}": -60 for n in range(16)},
}
SMALLEST = {
    "connector_status": "CHARGING",
    "energy_delivered": 5e-324,
    "power": 5e-324,
    "temperature": -60,
    "error_codes": [],
    "uptime_hours": 5e-324,
    "total_sessions": 0,
    "last_maintenance": "9999-12-31T23:59:59Z",
}


@pytest.mark.parametrize("models", [RULES, TRAINED], ids=["rules", "trained"])
def test_the_largest_and_the_smallest_in_turn_break_nothing(models: Models) -> None:
    after = site()
    for n in range(80):
        told = LARGEST if n // 35 % 2 else SMALLEST
        payload = json.dumps({**told, "error_codes": []} if n % 3 else told).encode()
        received = Received("p/chargers/A/metrics", payload, at(11 * n))
        after = decided(list(REGISTRY.decode(received).readings), models, after)


def ocpp(seconds: float, frame: list[object]) -> Received:
    return Received("p/chargers/A/ocpp", json.dumps(frame).encode(), at(seconds))


def sampled(**told: str) -> list[object]:
    return [2, "1", "MeterValues", {"connectorId": 1, "meterValue": [{"sampledValue": [told]}]}]


@pytest.mark.parametrize("measurand", ["Power.Active.Import", "Power.Offered"])
def test_a_power_larger_than_the_wire_takes_is_ignored(measurand: str) -> None:
    assert REGISTRY.decode(ocpp(0, sampled(value="1e16", measurand=measurand))).ignored


def test_a_register_beyond_belief_breaks_nothing() -> None:
    after = site()
    charging = {"connectorId": 1, "status": "Charging", "errorCode": "NoError"}
    frames: list[list[object]] = [
        [2, "1", "StartTransaction", {"connectorId": 1, "meterStart": 10}],
        [2, "2", "StatusNotification", charging],
        *[sampled(value=kwh, unit="kWh") for kwh in ("1.7e308", "0", "1.7e308", *["5"] * 60)],
    ]
    for n, frame in enumerate(frames):
        after = decided(list(REGISTRY.decode(ocpp(11 * n, frame)).readings), RULES, after)


def test_a_register_as_large_as_the_wire_takes_breaks_nothing() -> None:
    after = site()
    for n, kwh in enumerate([0.0, LARGEST_KW, 0.0, LARGEST_KW] * 20):
        start: list[object] = [2, "1", "StartTransaction", {"connectorId": 1, "meterStart": 0}]
        frame = sampled(value=str(kwh), unit="kWh") if n else start
        after = decided(list(REGISTRY.decode(ocpp(11 * n, frame)).readings), TRAINED, after)


def test_a_clock_of_the_gateway_that_jumps_breaks_nothing() -> None:
    payload = json.dumps(
        {"connector_status": "CHARGING", "power": 0, "timestamp": "2025-10-01T12:00:00Z"}
    ).encode()
    after = site()
    for seconds in (0, 10, -1_700_000_000, 5, 1_700_000_000, 20, -86_400, 30):
        received = Received("p/chargers/A/metrics", payload, at(seconds))
        after = decided(list(REGISTRY.decode(received).readings), TRAINED, after)

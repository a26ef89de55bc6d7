"""What OCPP chargers do in the field, from their frames to the site and its alerts."""

from __future__ import annotations

import json

import pytest

from edge_agent.core.pipeline import Outcome, Site
from edge_agent.sources import Received
from edge_agent.sources.registry import Registry
from edge_agent.wire.reading import Reading
from tests.core.making import EVSE, at, stepped

Frame = list[object]
REGISTRY = Registry("p")


def heard(*frames: tuple[float, Frame]) -> tuple[Site, list[Outcome]]:
    """Return the site after frames of one charger, each so many seconds after noon."""
    readings = list[Reading]()
    for seconds, frame in frames:
        received = Received("p/chargers/A/ocpp", json.dumps(frame).encode(), at(seconds))
        readings += REGISTRY.decode(received).readings
    return stepped(readings)


def status(name: str, code: str = "NoError", **told: str) -> Frame:
    return [2, "s", "StatusNotification", {"connectorId": 1, "status": name, "errorCode": code, **told}]


def test_a_status_of_the_second_in_which_the_start_was_confirmed_is_taken() -> None:
    start = {"connectorId": 1, "meterStart": 1000, "timestamp": "2025-10-01T12:00:00Z"}
    after, _ = heard(
        (0.1, [2, "t", "StartTransaction", start]),
        (0.3, [3, "t", {"transactionId": 7}]),
        (0.5, status("Charging", timestamp="2025-10-01T12:00:00Z")),
    )
    charger = after.chargers[EVSE]
    assert (charger.status, charger.late) == ("CHARGING", 0)
    assert charger.sessions.current is not None
    assert charger.sessions.current.transaction_id == "7"


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        (status("Faulted", "GroundFailure"), "CHARGER_FAULTED"),
        (status("Available", "OtherError", vendorErrorCode="CX008"), "EMERGENCY_STOP"),
        (status("Available", "OtherError", vendorErrorCode="CX026"), "TAMPER"),
    ],
)
def test_a_charger_that_tells_its_recovery_only_once_is_cleared(told: Frame, kind: str) -> None:
    heartbeats: list[tuple[float, Frame]] = [(360 + 300 * n, [2, "h", "Heartbeat", {}]) for n in range(100)]
    _, outcomes = heard((0, told), (60, status("Available")), *heartbeats)
    lives = [f"{alert.alert_type} {alert.state}" for outcome in outcomes for alert in outcome.alerts]
    assert lives == [f"{kind} OPEN", f"{kind} CLEARED"]


def test_a_boot_counts_for_the_connectors_too() -> None:
    after, _ = heard(
        (0, status("Available")), (10, [2, "b", "BootNotification", {}]), (3610, status("Available"))
    )
    assert after.chargers[EVSE].uptime_hours == pytest.approx(1.0)
    assert after.chargers[EVSE].trouble.boots.day == 1.0


def occupied_by_2_x(name: str, seconds: float) -> tuple[float, Frame]:
    told = {"evseId": 1, "connectorId": 1, "connectorStatus": name, "timestamp": at(seconds).isoformat()}
    return seconds, [2, f"s{seconds}", "StatusNotification", told]


def transaction_2_x(kind: str, seconds: float, wh: float | None = None, **info: str) -> tuple[float, Frame]:
    context = {"Started": "Transaction.Begin", "Ended": "Transaction.End"}.get(kind, "Sample.Periodic")
    metered = [{"timestamp": at(seconds).isoformat(), "sampledValue": [{"value": wh, "context": context}]}]
    told: dict[str, object] = {
        "eventType": kind,
        "timestamp": at(seconds).isoformat(),
        "transactionInfo": {"transactionId": "T-1", **info},
    }
    if kind == "Started":
        told["evse"] = {"id": 1}
    if wh is not None:
        told["meterValue"] = metered
    return seconds, [2, f"t{seconds}", "TransactionEvent", told]


def test_a_whole_session_of_ocpp_2_is_one_session_with_its_energy() -> None:
    told = [
        occupied_by_2_x("Available", 0),
        occupied_by_2_x("Occupied", 10),
        transaction_2_x("Started", 11, 50_000, chargingState="EVConnected"),
        transaction_2_x("Updated", 20, chargingState="Charging"),
        occupied_by_2_x("Occupied", 25),
        transaction_2_x("Updated", 1820, 55_000),
        transaction_2_x("Ended", 3620, 60_000, stoppedReason="EVDisconnected"),
        occupied_by_2_x("Available", 3621),
    ]
    middle = heard(*told[:6])[0].chargers[EVSE]
    assert (middle.status, middle.now.energy_delivered) == ("CHARGING", 5.0)
    after = heard(*told)[0].chargers[EVSE]
    assert (after.status, after.now.energy_delivered) == ("AVAILABLE", 10.0)
    assert (after.sessions.started, after.sessions.ended, after.sessions.current) == (1, 1, None)


def test_a_start_of_ocpp_2_that_is_told_again_after_its_end_begins_nothing() -> None:
    told = [transaction_2_x("Started", 0, 0), transaction_2_x("Ended", 60, 5_000)]
    after = heard(*told, told[0], told[1])[0].chargers[EVSE]
    assert (after.sessions.started, after.sessions.ended) == (1, 1)


def test_trouble_that_ocpp_2_tells_as_events_comes_and_goes_as_an_alert() -> None:
    def problem(seconds: float, **more: object) -> tuple[float, Frame]:
        event = {
            "timestamp": at(seconds).isoformat(),
            "actualValue": "true",
            "techCode": "CX008",
            "component": {"name": "Connector", "evse": {"id": 1}},
            "variable": {"name": "Problem"},
            **more,
        }
        return seconds, [2, f"e{seconds}", "NotifyEvent", {"eventData": [event]}]

    _, outcomes = heard(occupied_by_2_x("Available", 0), problem(10), problem(60, cleared=True))
    lives = [f"{alert.alert_type} {alert.state}" for outcome in outcomes for alert in outcome.alerts]
    assert lives == ["EMERGENCY_STOP OPEN", "EMERGENCY_STOP CLEARED"]

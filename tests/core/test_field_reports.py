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

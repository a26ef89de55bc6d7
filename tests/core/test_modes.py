"""Which part the signs point to."""

from __future__ import annotations

import pytest

from edge_agent.core.modes import likely_mode
from edge_agent.wire.answers import Contribution, FailureMode


def factor(feature: str, contribution: float) -> Contribution:
    return Contribution(feature=feature, value=1.0, contribution=contribution)


@pytest.mark.parametrize(
    ("code", "mode"),
    [
        ("HighTemperature", FailureMode.CONNECTOR),
        ("ConnectorLockFailure", FailureMode.LOCK),
        ("EVSEContactorFault", FailureMode.CONTACTOR),
        ("PowerSwitchFailure", FailureMode.POWER_MODULE),
        ("ReaderFailure", FailureMode.PAYMENT),
    ],
)
def test_a_code_names_its_part(code: str, mode: FailureMode) -> None:
    assert likely_mode([code], []) is mode


def test_without_codes_the_strongest_sign_decides() -> None:
    signs = [factor("silence_share_7d", 0.4), factor("temperature_excess", 1.2)]
    assert likely_mode([], signs) is FailureMode.CONNECTOR


def test_what_lowers_the_risk_points_to_nothing() -> None:
    assert likely_mode([], [factor("temperature_excess", -2.0)]) is FailureMode.UNKNOWN


def test_what_is_the_vehicles_points_to_nothing() -> None:
    assert likely_mode(["EVContactorFault", "AuthorizationTimeout"], []) is FailureMode.UNKNOWN


def test_what_codes_named_of_late_outweighs_other_signs() -> None:
    signs = [factor("temperature_excess", 1.2)]
    assert likely_mode([], signs, FailureMode.LOCK) is FailureMode.LOCK
    assert likely_mode(["HighTemperature"], signs, FailureMode.LOCK) is FailureMode.CONNECTOR

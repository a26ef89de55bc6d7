"""The fault vocabulary, which a technician may correct."""

from __future__ import annotations

import pytest

from edge_agent.sources import openevse
from edge_agent.wire.answers import FailureMode
from edge_agent.wire.faults import FAULTS, NAMES, Whose, done_by, fault_of, read

OCPP16 = """ConnectorLockFailure EVCommunicationError GroundFailure HighTemperature InternalError
LocalListConflict OtherError OverCurrentFailure OverVoltage PowerMeterFailure PowerSwitchFailure ReaderFailure
ResetFailure UnderVoltage WeakSignal"""
"""7.6, without NoError."""
ENTRY = 'severity = "WARNING"\nwhose = "charger"\ncheck = "Look."\n'


def test_every_code_of_1_6_and_of_chargex_is_explained() -> None:
    for name in OCPP16.split():
        assert name in FAULTS
    for number in range(1, 27):
        assert fault_of(f"CX{number:03}") is not None


def test_every_fault_says_what_to_check_in_a_sentence() -> None:
    for name, fault in FAULTS.items():
        assert fault.check.endswith("."), name
        assert fault.check[0].isupper(), name


def test_every_state_of_openevse_that_is_a_fault_has_a_code() -> None:
    faults = [state for state, status in openevse.STATES.items() if status == "FAULTY"]
    assert [state for state in faults if f"openevse:{state}" not in NAMES] == []


def test_aliases_lead_to_one_name_whatever_protocol_tells_them() -> None:
    assert {NAMES[each] for each in ("CX017", "MREC17EVSEContactorFault", "openevse:8", "goe:9")} == {
        "EVSEContactorFault"
    }


def test_whose_doing_it_is_and_which_part_are_known() -> None:
    assert "CX026" in done_by(Whose.VANDAL)
    assert "EVCommunicationError" in done_by(Whose.VEHICLE)
    assert FAULTS["ConnectorLockFailure"].part is FailureMode.LOCK


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (f"[A]\n{ENTRY}also = ['B']\n[B]\n{ENTRY}", "B stands there twice"),
        (f"[A]\n{ENTRY}colour = 'red'\n", "colour"),
        ("[A]\nseverity = 'BAD'\n", "severity"),
        (f"[A]\n{ENTRY.replace('charger', 'nobody')}", "whose"),
        ("[A\n", "Expected"),
    ],
)
def test_a_slip_in_a_correction_is_named(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        read(text)

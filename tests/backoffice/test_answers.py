"""What is answered in a back office's place, against the schemas that the package `ocpp` ships."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import ocpp
import pytest

from edge_agent.backoffice.answers import OCPP2, OCPP16, Asked, Payload, answer, id_of

SCHEMAS = Path(ocpp.__file__).parent
NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
EVERYBODY, NOBODY = (lambda _: True), (lambda _: False)
ONLY_IN_2_1 = {
    "BatterySwap",
    "ClosePeriodicEventStream",
    "NotifyDERAlarm",
    "NotifyDERStartStop",
    "NotifyPriorityCharging",
    "NotifySettlement",
    "OpenPeriodicEventStream",
    "PullDynamicScheduleUpdate",
    "ReportDERControl",
}
NOT_IN_THE_SCHEMAS_OF_1_6 = {
    "LogStatusNotification",
    "SecurityEventNotification",
    "SignCertificate",
    "SignedFirmwareStatusNotification",
}
"""Of the security whitepaper for 1.6."""
CASES = [
    *[("v16", "ocpp1.6", action) for action in sorted(OCPP16)],
    *[("v201", "ocpp2.0.1", action) for action in sorted(set(OCPP2) - ONLY_IN_2_1)],
    *[("v21", "ocpp2.1", action) for action in sorted(OCPP2)],
]


def schema(version: str, action: str) -> Any:
    folder = SCHEMAS / version / "schemas"
    found = next(
        path for name in (f"{action}Response.json", f"{action}.json") if (path := folder / name).exists()
    )
    return json.loads(found.read_text(encoding="utf-8-sig"))


def asked(payload: Payload | None = None, accepts: Any = EVERYBODY) -> Asked:
    return Asked(payload or {"idToken": {"idToken": "x", "type": "Central"}}, NOW, accepts, 7)


@pytest.mark.parametrize(("version", "protocol", "action"), CASES)
def test_each_answer_is_valid_by_the_standard_s_schema(version: str, protocol: str, action: str) -> None:
    told = answer(protocol, action, asked())
    if version == "v16" and action in NOT_IN_THE_SCHEMAS_OF_1_6:
        assert told in ({}, {"status": "Rejected"})
        return
    jsonschema.validate(told, schema(version, action))


def test_what_nobody_can_answer_is_not_answered() -> None:
    assert answer("ocpp1.6", "TransactionEvent", asked()) is None
    assert answer("ocpp2.0.1", "StartTransaction", asked()) is None


def test_who_may_not_charge_is_told_so_in_each_version() -> None:
    refused = asked({"idTag": "X"}, NOBODY)
    assert answer("ocpp1.6", "Authorize", refused) == {"idTagInfo": {"status": "Invalid"}}
    assert answer("ocpp1.6", "StartTransaction", refused) == {
        "idTagInfo": {"status": "Invalid"},
        "transactionId": 7,
    }
    assert answer("ocpp2.0.1", "TransactionEvent", asked(None, NOBODY)) == {
        "idTokenInfo": {"status": "Invalid"}
    }
    assert answer("ocpp2.0.1", "TransactionEvent", asked({"eventType": "Updated"}, NOBODY)) == {}


def test_an_id_tag_has_no_case_and_an_id_token_has_its_type() -> None:
    assert id_of({"idTag": "AbC"}) == id_of({"idTag": "aBc"})
    assert id_of({"idToken": {"idToken": "1", "type": "ISO14443"}}) != id_of({"idToken": {"idToken": "1"}})

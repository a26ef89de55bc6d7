"""What a back office answers to a charger, action by action.

Sources: OCPP 1.6 edition 2, 4; OCPP 2.0.1 part 2 and 2.1 part 2. What only a real back office can do (sign a
certificate, send a firmware) is refused in the action's own words, and an action that is not here is not
implemented.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

HEARTBEAT_S = 300
"""How often a charger that knows only us is to show that it lives."""
NO_ID = 0
"""The transaction id for one that nobody will ask about."""

Payload = dict[str, object]


class Asked(NamedTuple):
    """A charger's request, with all that its answer depends on.

    accepts: whether the name of an idTag (see id_of) may charge.
    transaction_id: what a StartTransaction is given.
    """

    payload: Payload
    now: datetime
    accepts: Callable[[str], bool]
    transaction_id: int = NO_ID


Answer = Callable[[Asked], Payload]


def answer(protocol: str, action: str, asked: Asked) -> Payload | None:
    """Return the answer's payload, or None where the action is not implemented.

    protocol: the sub-protocol, such as `ocpp1.6`.
    """
    table = OCPP16 if protocol == "ocpp1.6" else OCPP2
    answers = table.get(action)
    return None if answers is None else answers(asked)


def _time(asked: Asked) -> str:
    return asked.now.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _nothing(_: Asked) -> Payload:
    return {}


def _status(word: str) -> Answer:
    return lambda _: {"status": word}


def _boot(asked: Asked) -> Payload:
    return {"currentTime": _time(asked), "interval": HEARTBEAT_S, "status": "Accepted"}


def _heartbeat(asked: Asked) -> Payload:
    return {"currentTime": _time(asked)}


def _id_tag_info(asked: Asked) -> Payload:
    return {"status": "Accepted" if asked.accepts(id_of(asked.payload)) else "Invalid"}


def _authorize16(asked: Asked) -> Payload:
    return {"idTagInfo": _id_tag_info(asked)}


def _start_transaction(asked: Asked) -> Payload:
    return {"idTagInfo": _id_tag_info(asked), "transactionId": asked.transaction_id}


def _authorize2(asked: Asked) -> Payload:
    return {"idTokenInfo": _id_tag_info(asked)}


def _transaction_event(asked: Asked) -> Payload:
    """E03: only a token that came is judged."""
    return {"idTokenInfo": _id_tag_info(asked)} if "idToken" in asked.payload else {}


def id_of(payload: Payload) -> str:
    """Return the name under which it is kept that an idTag of 1.6, or an idToken of 2.x, may charge."""
    tag, token = payload.get("idTag"), payload.get("idToken")
    if isinstance(token, dict):
        tag = f"{token.get('type')}:{token.get('idToken')}"
    return f"tag {tag}".casefold()  # a CiString: OCPP 1.6, 7.15


OCPP16: dict[str, Answer] = {
    "Authorize": _authorize16,
    "BootNotification": _boot,
    "DataTransfer": _status("UnknownVendorId"),
    "DiagnosticsStatusNotification": _nothing,
    "FirmwareStatusNotification": _nothing,
    "Heartbeat": _heartbeat,
    "LogStatusNotification": _nothing,
    "MeterValues": _nothing,
    "SecurityEventNotification": _nothing,
    "SignCertificate": _status("Rejected"),
    "SignedFirmwareStatusNotification": _nothing,
    "StartTransaction": _start_transaction,
    "StatusNotification": _nothing,
    "StopTransaction": _nothing,
}
OCPP2: dict[str, Answer] = {
    "Authorize": _authorize2,
    "BatterySwap": _nothing,
    "BootNotification": _boot,
    "ClearedChargingLimit": _nothing,
    "ClosePeriodicEventStream": _nothing,
    "DataTransfer": _status("UnknownVendorId"),
    "FirmwareStatusNotification": _nothing,
    "GetCertificateStatus": _status("Failed"),
    "Heartbeat": _heartbeat,
    "LogStatusNotification": _nothing,
    "MeterValues": _nothing,
    "NotifyChargingLimit": _nothing,
    "NotifyCustomerInformation": _nothing,
    "NotifyDERAlarm": _nothing,
    "NotifyDERStartStop": _nothing,
    "NotifyDisplayMessages": _nothing,
    "NotifyEVChargingNeeds": _status("Rejected"),
    "NotifyEVChargingSchedule": _status("Rejected"),
    "NotifyEvent": _nothing,
    "NotifyMonitoringReport": _nothing,
    "NotifyPriorityCharging": _nothing,
    "NotifyReport": _nothing,
    "NotifySettlement": _nothing,
    "OpenPeriodicEventStream": _status("Rejected"),
    "PublishFirmwareStatusNotification": _nothing,
    "PullDynamicScheduleUpdate": _status("Rejected"),
    "ReportChargingProfiles": _nothing,
    "ReportDERControl": _nothing,
    "ReservationStatusUpdate": _nothing,
    "SecurityEventNotification": _nothing,
    "SignCertificate": _status("Rejected"),
    "StatusNotification": _nothing,
    "TransactionEvent": _transaction_event,
}

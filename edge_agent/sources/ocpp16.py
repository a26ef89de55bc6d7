"""What the actions of OCPP 1.6 say of a charger. Clauses are those of "OCPP 1.6 edition 2".

A handler reads only what is named here, so that idTag, parentIdTag and their like enter nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from edge_agent.sources import Decoded, joined, refused
from edge_agent.sources.fault_codes import active_codes
from edge_agent.sources.measurands import sampled_readings
from edge_agent.sources.ocpp_frames import Call, CallResult, moment, number, opaque, text, whole_number
from edge_agent.sources.origin import Origin
from edge_agent.sources.wording import kind, shown
from edge_agent.wire.metrics import ConnectorStatus, Quantities
from edge_agent.wire.reading import Event
from edge_agent.wire.types import MOST

# FULLY_CHARGED is not here: the core infers it.
STATUSES = {
    "Available": ConnectorStatus.AVAILABLE,
    "Preparing": ConnectorStatus.OCCUPIED,
    "Charging": ConnectorStatus.CHARGING,
    "SuspendedEVSE": ConnectorStatus.OCCUPIED,
    "SuspendedEV": ConnectorStatus.OCCUPIED,
    "Finishing": ConnectorStatus.OCCUPIED,
    "Reserved": ConnectorStatus.OCCUPIED,
    "Unavailable": ConnectorStatus.UNAVAILABLE,
    "Faulted": ConnectorStatus.FAULTY,
}

_WH_PER_KWH = 1000
_MAX_CONNECTOR = 2**31 - 1


def decode_call(origin: Origin, call: Call) -> Decoded:
    """Read a request. One that has nothing for us is ignored by its name."""
    handler = _HANDLERS.get(call.action)
    if handler is None:
        return Decoded(ignored=(kind("ocpp1.6", call.action),))
    return handler(origin, call)


def decode_result(origin: Origin, result: CallResult) -> Decoded:
    """Read an answer: a transactionId, which in 1.6 is an integer, can only be StartTransaction's (4.8)."""
    transaction_id = result.arguments.get("transactionId")
    if not isinstance(transaction_id, int) or isinstance(transaction_id, bool) or result.message_id is None:
        return Decoded(ignored=("ocpp answer",))
    confirmed = origin.reading(None)._replace(
        event=Event.TRANSACTION_CONFIRMED,
        call_id=result.message_id,
        transaction_id=opaque(transaction_id),
    )
    return Decoded((confirmed,))


def _heartbeat(origin: Origin, _: Call) -> Decoded:
    return Decoded((origin.reading(0),))


def _boot_notification(origin: Origin, call: Call) -> Decoded:
    metrics = Quantities(
        vendor=text(call.arguments.get("chargePointVendor")),
        model=text(call.arguments.get("chargePointModel")),
        firmware=text(call.arguments.get("firmwareVersion")),
    )
    return Decoded((origin.reading(0, metrics)._replace(event=Event.BOOT),))


def _status_notification(origin: Origin, call: Call) -> Decoded:
    """4.9. The codes are always told: the next NoError is what clears one."""
    connector_id = _connector(call)
    if connector_id is None:
        return _no_connector(call)
    told = call.arguments
    named = told.get("status")
    status = STATUSES.get(named) if isinstance(named, str) else None
    metrics = Quantities(
        connector_status=status,
        error_codes=active_codes(told.get("errorCode"), told.get("vendorId"), told.get("vendorErrorCode")),
    )
    reading = origin.reading(connector_id, metrics)._replace(measured_at=moment(told.get("timestamp")))
    return Decoded((reading,), ignored=() if status else (kind("status", named),))


def _start_transaction(origin: Origin, call: Call) -> Decoded:
    """4.8. The transaction has no id until it is answered; the message's own id ties the two."""
    connector_id = _connector(call)
    if connector_id is None:
        return _no_connector(call)
    register_kwh, ignored = _meter(call, "meterStart")
    started = origin.reading(connector_id)._replace(
        measured_at=moment(call.arguments.get("timestamp")),
        event=Event.TRANSACTION_STARTED,
        register_kwh=register_kwh,
        call_id=call.message_id,
    )
    return Decoded((started,), ignored=ignored)


def _stop_transaction(origin: Origin, call: Call) -> Decoded:
    """4.10. It names no connector; its samples come before its end."""
    transaction_id = opaque(call.arguments.get("transactionId"))
    if transaction_id is None:
        came = shown(call.arguments.get("transactionId"))
        return refused(f"StopTransaction: transactionId {came} came; expected a whole number")
    register_kwh, ignored = _meter(call, "meterStop")
    unnamed = origin.reading(None)._replace(transaction_id=transaction_id)
    ended = unnamed._replace(
        measured_at=moment(call.arguments.get("timestamp")),
        event=Event.TRANSACTION_ENDED,
        register_kwh=register_kwh,
    )
    samples = sampled_readings(unnamed, call.arguments.get("transactionData"))
    return joined((*samples, Decoded((ended,), ignored=ignored)))


def _meter_values(origin: Origin, call: Call) -> Decoded:
    """4.7. A reading for each time that says something; for none of them one that proves life."""
    connector_id = _connector(call)
    if connector_id is None:
        return _no_connector(call)
    transaction_id = opaque(call.arguments.get("transactionId"))
    bare = origin.reading(connector_id)._replace(transaction_id=transaction_id)
    decoded = joined(sampled_readings(bare, call.arguments.get("meterValue")))
    return decoded if decoded.readings else decoded._replace(readings=(bare,))


def _connector(call: Call) -> int | None:
    connector_id = whole_number(call.arguments.get("connectorId"))
    return connector_id if connector_id is not None and 0 <= connector_id <= _MAX_CONNECTOR else None


def _no_connector(call: Call) -> Decoded:
    came = shown(call.arguments.get("connectorId"))
    return refused(f"{call.action}: connectorId {came} came; expected a whole number, 0 or more")


def _meter(call: Call, member: str) -> tuple[float | None, tuple[str, ...]]:
    """Return meterStart or meterStop, always Wh, as kWh, and what had to be ignored of it."""
    meter_wh = number(call.arguments.get(member))
    if meter_wh is None:
        return None, (f"value that is no number of {member}",)
    if not 0 <= meter_wh <= MOST:
        return None, (f"implausible {member}",)
    return meter_wh / _WH_PER_KWH, ()


_HANDLERS: dict[str, Callable[[Origin, Call], Decoded]] = {
    "BootNotification": _boot_notification,
    "Heartbeat": _heartbeat,
    "MeterValues": _meter_values,
    "StartTransaction": _start_transaction,
    "StatusNotification": _status_notification,
    "StopTransaction": _stop_transaction,
}

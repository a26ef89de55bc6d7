"""What the actions of OCPP 2.0.1 and 2.1 say of a charger. Clauses are those of "OCPP 2.0.1 part 2".

An EVSE is what 1.6 calls a connector; its plugs are not told apart. A handler reads only what is named here,
so that idToken, vehicle ids and their like enter nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from edge_agent.sources import MAX_PARTS, Decoded, joined, refused
from edge_agent.sources.fault_codes import component_code
from edge_agent.sources.measurands import register_at_begin, sampled_readings
from edge_agent.sources.ocpp_frames import Call, moment, number, opaque, text, whole_number
from edge_agent.sources.origin import Origin
from edge_agent.sources.wording import kind, shown
from edge_agent.wire.metrics import ConnectorStatus, Quantities
from edge_agent.wire.reading import Event, Reading

STATUSES = {
    "Available": ConnectorStatus.AVAILABLE,
    "Occupied": ConnectorStatus.OCCUPIED,
    "Reserved": ConnectorStatus.OCCUPIED,
    "Unavailable": ConnectorStatus.UNAVAILABLE,
    "Faulted": ConnectorStatus.FAULTY,
}
"""ConnectorStatusEnumType, and the values of Connector.AvailabilityState, which 2.1 prefers."""
CHARGING_STATES = {
    "Charging": ConnectorStatus.CHARGING,
    "EVConnected": ConnectorStatus.OCCUPIED,
    "SuspendedEV": ConnectorStatus.OCCUPIED,
    "SuspendedEVSE": ConnectorStatus.OCCUPIED,
    "Idle": ConnectorStatus.OCCUPIED,
}
EVENTS = {"Started": Event.TRANSACTION_STARTED, "Updated": None, "Ended": Event.TRANSACTION_ENDED}
VEHICLE_GONE = "EVDisconnected"
PROBLEMS = frozenset({"Problem", "Tripped"})
"""Variables whose `true` is a trouble of their component; Active is one only where a techCode says so."""
TEMPERATURE = "Temperature"
COLDEST_C, HOTTEST_C = -60.0, 150.0
LARGEST_EVSE = 2**31 - 1
STATION = 0
# Other actions bear the same names as those of 1.6.
_ITS_OWN_ACTIONS = frozenset({"TransactionEvent", "NotifyEvent"})
_ITS_OWN_MEMBERS = ("evseId", "chargingStation")


def speaks(call: Call) -> bool:
    """Whether a request can only be of OCPP 2.x."""
    return call.action in _ITS_OWN_ACTIONS or any(member in call.arguments for member in _ITS_OWN_MEMBERS)


def decode_call(origin: Origin, call: Call) -> Decoded:
    """Read a request. One that has nothing for us is ignored by its name."""
    handler = _HANDLERS.get(call.action)
    if handler is None:
        return Decoded(ignored=(kind("ocpp2", call.action),))
    return handler(origin, call)


def _boot_notification(origin: Origin, call: Call) -> Decoded:
    """B01. One that the back office asked for (reason Triggered) is no boot."""
    station = call.arguments.get("chargingStation")
    told = station if isinstance(station, dict) else {}
    metrics = Quantities(
        vendor=text(told.get("vendorName")),
        model=text(told.get("model")),
        firmware=text(told.get("firmwareVersion")),
    )
    triggered = call.arguments.get("reason") == "Triggered"
    return Decoded((origin.reading(STATION, metrics)._replace(event=None if triggered else Event.BOOT),))


def _status_notification(origin: Origin, call: Call) -> Decoded:
    """G01. It carries no error, and its Occupied does not say whether the vehicle charges."""
    evse = _evse_id(call.arguments.get("evseId"))
    if evse is None:
        return _no_evse(call, call.arguments.get("evseId"))
    return _availability(
        origin.reading(evse), call.arguments.get("connectorStatus"), call.arguments.get("timestamp")
    )


def _availability(bare: Reading, named: object, timestamp: object) -> Decoded:
    """Return what an availability says; of one that nobody knows that there is life."""
    status = STATUSES.get(named) if isinstance(named, str) else None
    reading = bare._replace(measured_at=moment(timestamp))
    if status is None:
        return Decoded((reading,), ignored=(kind("status", named),))
    event = Event.CONNECTED if named == "Occupied" else None
    return Decoded((reading._replace(metrics=Quantities(connector_status=status), event=event),))


def _meter_values(origin: Origin, call: Call) -> Decoded:
    """J01. Readings of no transaction; the EVSE 0 is the station's own meter."""
    evse = _evse_id(call.arguments.get("evseId"))
    if evse is None:
        return _no_evse(call, call.arguments.get("evseId"))
    bare = origin.reading(evse)
    decoded = joined(sampled_readings(bare, call.arguments.get("meterValue")))
    return decoded if decoded.readings else decoded._replace(readings=(bare,))


def _transaction_event(origin: Origin, call: Call) -> Decoded:
    """E02 to E06. Only its first message must name the EVSE; the transaction's id tells of the others."""
    told, info = call.arguments, call.arguments.get("transactionInfo")
    info = info if isinstance(info, dict) else {}
    transaction_id = opaque(info.get("transactionId"))
    if transaction_id is None:
        return refused(
            f"TransactionEvent: transactionId {shown(info.get('transactionId'))} came; expected text"
        )
    event_type = told.get("eventType")
    if event_type not in EVENTS:
        return refused(
            f"TransactionEvent: eventType {shown(event_type)} came; expected Started, Updated or Ended"
        )
    evse = told.get("evse")
    named = _evse_id(evse.get("id")) if isinstance(evse, dict) else None
    bare = origin.reading(named)._replace(transaction_id=transaction_id)
    samples = joined(sampled_readings(bare, told.get("meterValue")))
    state, ignored = _state(info, ended=event_type == "Ended")
    event = bare._replace(metrics=state, measured_at=moment(told.get("timestamp")), event=EVENTS[event_type])
    if event.event is Event.TRANSACTION_STARTED:
        event = event._replace(register_kwh=register_at_begin(told.get("meterValue")))
        return joined((Decoded((event,), ignored=ignored), samples))
    return joined((samples, Decoded((event,), ignored=ignored)))


def _state(info: dict[str, object], *, ended: bool) -> tuple[Quantities, tuple[str, ...]]:
    """Return the status that a transaction's state tells, and what had to be ignored of it."""
    named = info.get("chargingState")
    if ended:
        gone = info.get("stoppedReason") == VEHICLE_GONE
        return Quantities(
            connector_status=ConnectorStatus.AVAILABLE if gone else ConnectorStatus.OCCUPIED
        ), ()
    if named is None:
        return Quantities(), ()
    status = CHARGING_STATES.get(named) if isinstance(named, str) else None
    if status is None:
        return Quantities(), (kind("chargingState", named),)
    return Quantities(connector_status=status), ()


def _notify_event(origin: Origin, call: Call) -> Decoded:
    """N07, N08. A value is always text; `cleared` takes back what was told."""
    events = call.arguments.get("eventData")
    if not isinstance(events, list):
        return refused(f"NotifyEvent: eventData {shown(events)} came; expected an array")
    if len(events) > MAX_PARTS:
        return refused(f"{len(events)} events came in one frame; expected at most {MAX_PARTS}")
    decoded = joined(_read_events(origin, events))
    return decoded if decoded.readings else decoded._replace(readings=(origin.reading(STATION),))


def _read_events(origin: Origin, events: list[object]) -> Iterator[Decoded]:
    for event in events:
        component = event.get("component") if isinstance(event, dict) else None
        variable = event.get("variable") if isinstance(event, dict) else None
        if isinstance(event, dict) and isinstance(component, dict) and isinstance(variable, dict):
            yield _read_event(origin, event, (component, variable))
        else:
            yield Decoded(ignored=("eventData without component and variable",))


def _read_event(
    origin: Origin, event: dict[str, object], about: tuple[dict[str, object], dict[str, object]]
) -> Decoded:
    component, variable = about
    evse = component.get("evse")
    place = _evse_id(evse.get("id")) if isinstance(evse, dict) else STATION
    bare = origin.reading(STATION if place is None else place)._replace(
        measured_at=moment(event.get("timestamp"))
    )
    name, value = variable.get("name"), event.get("actualValue")
    if name == "AvailabilityState":
        return _availability(bare, value, event.get("timestamp"))
    if name == TEMPERATURE:
        return _temperature(bare, component, value)
    if name in PROBLEMS or (name == "Active" and event.get("techCode")):
        return _problem(bare, event, about)
    return Decoded(ignored=(kind("event", f"{component.get('name')}.{name}"),))


def _temperature(bare: Reading, component: dict[str, object], value: object) -> Decoded:
    """2.x has no measurand for it: a TemperatureSensor, or the part itself, tells °C as a variable."""
    celsius = number(value)
    if celsius is None or not COLDEST_C <= celsius <= HOTTEST_C:
        return Decoded(ignored=("implausible temperature",))
    where = text(component.get("instance")) or text(component.get("name")) or TEMPERATURE
    metrics = Quantities(temperature=celsius, temperatures={where: celsius})
    return Decoded((bare._replace(metrics=metrics),))


def _problem(
    bare: Reading, event: dict[str, object], about: tuple[dict[str, object], dict[str, object]]
) -> Decoded:
    component, variable = about
    code = component_code(component.get("name"), variable.get("name"), event.get("techCode"))
    over = event.get("cleared") is True or str(event.get("actualValue")).strip().lower() in {"false", "0"}
    return Decoded((bare._replace(cleared=(code,)) if over else bare._replace(raised=(code,)),))


def _evse_id(value: object) -> int | None:
    evse = whole_number(value)
    return evse if evse is not None and 0 <= evse <= LARGEST_EVSE else None


def _no_evse(call: Call, came: object) -> Decoded:
    return refused(f"{call.action}: evseId {shown(came)} came; expected a whole number, 0 or more")


def _heartbeat(origin: Origin, _: Call) -> Decoded:
    return Decoded((origin.reading(STATION),))


_HANDLERS: dict[str, Callable[[Origin, Call], Decoded]] = {
    "BootNotification": _boot_notification,
    "Heartbeat": _heartbeat,
    "MeterValues": _meter_values,
    "NotifyEvent": _notify_event,
    "StatusNotification": _status_notification,
    "TransactionEvent": _transaction_event,
}

"""EVerest's topics, of both its APIs. Source: EVerest, modules API and everest_api_types.

    {base}/{evse}/var/{name}                       module API: session_info, powermeter, telemetry, limits
    {base}/errors/var/active_errors                module API: all errors of the station
    {base}/1/{api}/{module_id}/e2m/{name}          versioned API: the first two, error_raised, error_cleared

The number at the end of an EVSE's or a module's name is the connector's, 1 where there is none.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime

from edge_agent.sources import Decoded, Received, refused
from edge_agent.sources.ocpp import decode_ocpp
from edge_agent.sources.ocpp_frames import moment, number
from edge_agent.sources.origin import Origin
from edge_agent.sources.routes import Route, last_level, subscribed
from edge_agent.sources.values import W_PER_KW, WH_PER_KWH, amount, celsius, hottest, told, value_of
from edge_agent.sources.wording import kind, shown
from edge_agent.wire.faults import NAMES
from edge_agent.wire.metrics import MAX_ERROR_CODES, ConnectorStatus, Quantities
from edge_agent.wire.reading import Reading, Source

STATION = 0
STATES = {
    "Unplugged": ConnectorStatus.AVAILABLE,
    "Disabled": ConnectorStatus.UNAVAILABLE,
    "Preparing": ConnectorStatus.OCCUPIED,
    "Reserved": ConnectorStatus.OCCUPIED,
    "AuthRequired": ConnectorStatus.OCCUPIED,
    "WaitingForEnergy": ConnectorStatus.OCCUPIED,
    "Charging": ConnectorStatus.CHARGING,
    "ChargingPausedEV": ConnectorStatus.OCCUPIED,
    "ChargingPausedEVSE": ConnectorStatus.OCCUPIED,
    "Finished": ConnectorStatus.OCCUPIED,
    "FinishedEV": ConnectorStatus.FULLY_CHARGED,
    "FinishedEVSE": ConnectorStatus.OCCUPIED,
}
"""There is no Faulted among them: the errors beside the state tell."""
BLOCKING = "High"
NOMINAL_V = 230.0
NUMBER = re.compile(r"(\d{1,6})$")
MOST_CODE = 128
MODULE_VARIABLES = ("session_info", "powermeter", "telemetry", "limits")
VERSIONED = {
    "evse_manager_consumer": ("session_info", "powermeter"),
    "error_history_consumer": ("error_raised", "error_cleared"),
}


def routes(base: str) -> list[Route]:
    """Return the routes of the EVerest whose base topic this is.

    A level before `everest_api` names the charger; without one it is `everest`.
    """
    before, _, _ = base.rpartition("/")
    charger_id = last_level(before) or "everest"
    return [
        subscribed(f"{base}/errors/var/active_errors", _active_errors, charger_id),
        *[subscribed(f"{base}/{{evse}}/var/{name}", decode_everest, charger_id) for name in MODULE_VARIABLES],
        *[
            subscribed(f"{base}/1/{api}/{{module_id}}/e2m/{name}", decode_everest, charger_id)
            for api, names in VERSIONED.items()
            for name in names
        ],
        subscribed(f"{base}/1/ocpp_consumer/{{charger_id}}/e2m/ocpp_message", decode_ocpp),
    ]


def decode_everest(charger_id: str, received: Received) -> Decoded:
    """Read one variable of one EVSE."""
    *_, evse, _, name = received.topic.split("/")
    found = NUMBER.search(evse)
    bare = Origin(charger_id, received, Source.EVEREST).reading(int(found[1]) if found else 1)
    document = value_of(received.payload)
    if not isinstance(document, dict):
        return refused(f"{name}: {shown(document)} came; expected an object")
    match name:
        case "session_info":
            return _session_info(bare, document)
        case "powermeter":
            return _powermeter(bare, document)
        case "telemetry":
            return _with(bare, hottest({"telemetry": celsius(document.get("temperature"))}))
        case "limits":
            return _limits(bare, document)
        case _:
            return _error(bare, document, raised=name == "error_raised")


def _with(bare: Reading, quantities: dict[str, object], ignored: tuple[str, ...] = ()) -> Decoded:
    return Decoded((bare._replace(metrics=Quantities.model_validate(quantities)),), ignored=ignored)


def _session_info(bare: Reading, document: dict[str, object]) -> Decoded:
    named = document.get("state")
    status = STATES.get(named) if isinstance(named, str) else None
    said: dict[str, object] = {"connector_status": status} if status else {}
    for name, member, size in (
        ("energy_delivered", "charged_energy_wh", WH_PER_KWH),
        ("power", "latest_total_w", W_PER_KW),
    ):
        value = amount(document.get(member), size)
        if value is not None:
            said[name] = value
    faults, errors = (_errors(document.get(name)) for name in ("active_permanent_faults", "active_errors"))
    if faults is not None or errors is not None:
        said["error_codes"] = _codes([*(faults or ()), *(errors or ())])
        if faults or any(each.get("severity") == BLOCKING for each in errors or ()):
            said["connector_status"] = ConnectorStatus.FAULTY
    timed = bare._replace(measured_at=_time(document.get("datetime")))
    return _with(timed, said, () if status else (kind("everest state", named),))


def _powermeter(bare: Reading, document: dict[str, object]) -> Decoded:
    """Temperatures are here on the versioned API, whose telemetry has none."""
    power = document.get("power_W")
    power_kw = amount(power.get("total") if isinstance(power, dict) else None, W_PER_KW)
    sensors = document.get("temperatures")
    by_place = {
        str(each.get("identification") or each.get("location") or f"sensor {place}")[:MOST_CODE]: celsius(
            each.get("temperature")
        )
        for place, each in enumerate(sensors[:16] if isinstance(sensors, list) else (), 1)
        if isinstance(each, dict)
    }
    said = {**({} if power_kw is None else {"power": power_kw}), **hottest(by_place)}
    return _with(bare._replace(measured_at=_time(document.get("timestamp"))), said)


def _limits(bare: Reading, document: dict[str, object]) -> Decoded:
    """Amperes a phase; the voltage is not told, so it is taken as nominal."""
    amperes = amount(document.get("max_current"))
    phases = amount(document.get("nr_of_phases_available")) or 1.0
    if amperes is None:
        return Decoded((bare,), ignored=("value that is no max_current",))
    return _with(bare, {"power_limit": amperes * phases * NOMINAL_V / W_PER_KW})


def _error(bare: Reading, document: dict[str, object], *, raised: bool) -> Decoded:
    codes = _codes([document])
    if not codes:
        return refused("an error without a type came; expected {type, severity}")
    origin = document.get("origin")
    mapping = origin.get("mapping") if isinstance(origin, dict) else None
    evse = number(mapping.get("evse")) if isinstance(mapping, dict) else None
    about = bare._replace(connector_id=int(evse) if evse is not None and 0 <= evse < MOST_CODE else STATION)
    return Decoded((about._replace(raised=codes) if raised else about._replace(cleared=codes),))


def _active_errors(charger_id: str, received: Received) -> Decoded:
    """All errors of the station: what is not among them is over."""
    errors = _errors(value_of(received.payload))
    if errors is None:
        return refused("active_errors: expected an array of errors")
    return told(Origin(charger_id, received, Source.EVEREST), STATION, error_codes=_codes(errors))


def _errors(value: object) -> list[dict[str, object]] | None:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else None


def _codes(errors: Sequence[dict[str, object]]) -> tuple[str, ...]:
    """Return the errors' codes in the contract's words; `evse_board_support/MREC2GroundFailure` is one."""
    types = [
        str(each["type"])[:MOST_CODE] for each in errors if isinstance(each.get("type"), str) and each["type"]
    ]
    named = [NAMES.get(each) or NAMES.get(last_level(each)) or each for each in types]
    return tuple(dict.fromkeys(named))[:MAX_ERROR_CODES]


def _time(value: object) -> datetime | None:
    """Epoch seconds, or RFC 3339."""
    seconds = None if isinstance(value, str) else number(value)
    if seconds is None:
        return moment(value)
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None

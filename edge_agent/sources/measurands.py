"""Meter values of OCPP: `[{timestamp, sampledValue: [{value, measurand, context, location, phase, …}]}]`.

1.6 names a `unit`, 2.x a `unitOfMeasure` with a power of ten; all else is alike. One unknown unit, measurand
or value costs only itself (lbbrhzn/ocpp 1576).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from edge_agent.sources import MAX_PARTS, Decoded, refused
from edge_agent.sources.ocpp_frames import moment, number, whole_number
from edge_agent.sources.units import (
    CURRENT_A,
    ENERGY_KWH,
    PERCENT,
    POWER_KW,
    TEMPERATURE_C,
    VOLTAGE_V,
    W_PER_KW,
    converted,
)
from edge_agent.sources.wording import kind
from edge_agent.wire.metrics import Quantities
from edge_agent.wire.reading import Reading
from edge_agent.wire.types import MOST

_REGISTER = "Energy.Active.Import.Register"
_POWER = "Power.Active.Import"
_POWER_OFFERED = "Power.Offered"
_CURRENT_OFFERED = "Current.Offered"
_VOLTAGE = "Voltage"
_TEMPERATURE = "Temperature"
_CHARGE = "SoC"
_UNITS = {
    _REGISTER: ENERGY_KWH,
    _POWER: POWER_KW,
    _POWER_OFFERED: POWER_KW,
    _CURRENT_OFFERED: CURRENT_A,
    _VOLTAGE: VOLTAGE_V,
    _TEMPERATURE: TEMPERATURE_C,
    _CHARGE: PERCENT,
}

# The lower, the better; a context that is not here comes last. The 0 of a Transaction.Begin is no
# reading (citrineos-core 1060).
_CONTEXTS = {"Transaction.End": 0, "Sample.Periodic": 1, "Sample.Clock": 2}
_LAST_CONTEXT = 3
_NEVER = "Transaction.Begin"

_PHASES = {"": "", "L1": "L1", "L2": "L2", "L3": "L3", "L1-N": "L1", "L2-N": "L2", "L3-N": "L3"}
_LINES = ("L1", "L2", "L3")
_MOST_EXPONENT = 30
_DEFAULT_LOCATION = "Outlet"
_OF_THE_CHARGER = ("Body", "Cable", "Inlet", "Outlet")
_COLDEST_C, _HOTTEST_C = -60.0, 150.0
# Beyond these a value cannot be true.
_RANGES = {
    "register": (0.0, MOST),
    "power": (0.0, MOST),
    "power_limit": (0.0, MOST),
    "soc": (0.0, 100.0),
}
# One voltage and one current of a three-phase charger give a third of the truth: a limit so far below
# the power that flows is a misreading.
_LEAST_LIMIT_TO_POWER = 0.75


@dataclass(frozen=True, slots=True)
class Sampled:
    """What one meter value says.

    quantities: power kW, power_limit kW, temperature and temperatures °C, soc %; only what was there.
        `temperature` is the hottest of the charger's own locations: that is where it fails first.
    register_kwh: the lifetime register.
    ignored: kinds that were left out.
    """

    quantities: Quantities
    register_kwh: float | None
    ignored: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        return self.register_kwh is None and not self.quantities.model_fields_set


@dataclass(frozen=True, slots=True)
class _Sample:
    """One sample in the wire's unit. rank: of its context. phase: one of _LINES, or empty for the total."""

    measurand: str
    location: str
    phase: str
    rank: int
    value: float


# (measurand, location) -> the samples of its best context.
_Best = dict[tuple[str, str], list[_Sample]]


def sampled_readings(bare: Reading, meter_values: object) -> Iterator[Decoded]:
    """Yield what each meter value adds to the bare reading. An absent list is as an empty one."""
    if not isinstance(meter_values, list):
        yield Decoded(ignored=("meterValue that is no array",) if meter_values else ())
        return
    if len(meter_values) > MAX_PARTS:
        yield refused(f"{len(meter_values)} meter values came in one frame; expected at most {MAX_PARTS}")
        return
    for meter_value in meter_values:
        if not isinstance(meter_value, dict):
            yield Decoded(ignored=("meterValue that is no object",))
            continue
        sampled = read_sampled_values(meter_value.get("sampledValue"))
        if sampled.is_empty:
            yield Decoded(ignored=sampled.ignored)
            continue
        measured_at = moment(meter_value.get("timestamp"))
        reading = bare._replace(
            metrics=sampled.quantities, measured_at=measured_at, register_kwh=sampled.register_kwh
        )
        yield Decoded((reading,), ignored=sampled.ignored)


def register_at_begin(meter_values: object) -> float | None:
    """Return the lifetime register that a transaction began with, kWh: in 2.x that is a meter value.

    Its other samples are no readings (see _NEVER).
    """
    for meter_value in meter_values if isinstance(meter_values, list) else ():
        samples = meter_value.get("sampledValue") if isinstance(meter_value, dict) else None
        begun = [
            {**each, "context": None}
            for each in (samples if isinstance(samples, list) else ())
            if isinstance(each, dict) and each.get("context") == _NEVER
        ]
        register_kwh = read_sampled_values(begun).register_kwh
        if register_kwh is not None:
            return register_kwh
    return None


def read_sampled_values(sampled_values: object) -> Sampled:
    """Return what the samples say together. An empty or absent list is legal in the wild."""
    if not isinstance(sampled_values, list):
        return Sampled(Quantities(), None, ("sampledValue that is no array",) if sampled_values else ())
    read = [_read_sample(element) for element in sampled_values]
    ignored = [sample for sample in read if isinstance(sample, str)]
    best = _best_context([sample for sample in read if isinstance(sample, _Sample)])
    amounts, left_out = _amounts(best)
    temperatures, too_odd = _temperatures(best)
    register_kwh = amounts.pop("register", None)
    fields: dict[str, Any] = dict(amounts)
    if temperatures:
        fields["temperatures"] = temperatures
        fields["temperature"] = max(temperatures.values())
    return Sampled(Quantities(**fields), register_kwh, tuple(dict.fromkeys([*ignored, *left_out, *too_odd])))


def _read_sample(element: object) -> _Sample | str | None:
    """Return the sample, or the kind under which it is ignored, or None where it is known and not wanted."""
    if not isinstance(element, dict):
        return "sampledValue that is no object"
    # The defaults of OCPP 1.6, 7.43; null and empty text count as absent.
    measurand = element.get("measurand") or _REGISTER
    context = str(element.get("context") or "Sample.Periodic")
    if context == _NEVER:
        return None
    if (element.get("format") or "Raw") != "Raw":
        return kind("format", element["format"])  # SignedData is hex, not a number
    unit, power = _unit_of(element)
    scale = _scale_of(measurand, unit)
    phase = _PHASES.get(str(element.get("phase") or ""))
    value = number(element.get("value"))
    if isinstance(scale, str):
        return scale
    if phase is None or value is None:
        return (
            kind("phase", element["phase"])
            if phase is None
            else kind("value that is no number of", measurand)
        )
    location = str(element.get("location") or _DEFAULT_LOCATION)
    rank = _CONTEXTS.get(context, _LAST_CONTEXT)
    return _Sample(str(measurand), location, phase, rank, converted(value * power, scale))


def _unit_of(element: dict[str, Any]) -> tuple[object, float]:
    """Return the unit that a sample names, and the power of ten of its value (2.0.1, 2.46)."""
    of_measure = element.get("unitOfMeasure")
    if not isinstance(of_measure, dict):
        return element.get("unit"), 1.0
    exponent = whole_number(of_measure.get("multiplier")) or 0
    return of_measure.get("unit"), 10.0 ** max(-_MOST_EXPONENT, min(exponent, _MOST_EXPONENT))


def _scale_of(measurand: object, unit: object) -> tuple[float, float] | str:
    """Return zero and size of the unit, or the kind under which measurand or unit is ignored."""
    units = _UNITS.get(measurand) if isinstance(measurand, str) else None
    if units is None:
        return kind("measurand", measurand)
    unit = unit or next(iter(units))
    scale = units.get(unit.strip().casefold()) if isinstance(unit, str) else None
    return kind("unit", unit) if scale is None else scale


def _best_context(samples: list[_Sample]) -> _Best:
    best: _Best = {}
    for sample in samples:
        held = best.setdefault((sample.measurand, sample.location), [])
        if held and sample.rank < held[0].rank:
            held.clear()
        if not held or sample.rank == held[0].rank:
            held.append(sample)
    return best


def _amounts(best: _Best) -> tuple[dict[str, float], list[str]]:
    """Return the plausible amounts, and the kinds of those left out."""
    ignored: list[str] = []
    power = _total(_by_phase(best, _POWER))
    limit = _total(_by_phase(best, _POWER_OFFERED))
    if limit is None:
        limit = _current_limit_kw(_by_phase(best, _CURRENT_OFFERED), _by_phase(best, _VOLTAGE))
        if limit is not None and power is not None and limit < _LEAST_LIMIT_TO_POWER * power:
            ignored.append(f"implausible {_CURRENT_OFFERED}")
            limit = None
    found = {
        "register": _total(_by_phase(best, _REGISTER)),
        "power": power,
        "power_limit": limit,
        "soc": _total(_by_phase(best, _CHARGE)),
    }
    plausible: dict[str, float] = {}
    for name, value in found.items():
        if value is None:
            continue
        low, high = _RANGES[name]
        if low <= value <= high:
            plausible[name] = value
        else:
            ignored.append(f"implausible {name}")
    return plausible, ignored


def _temperatures(best: _Best) -> tuple[dict[str, float], list[str]]:
    """Return the hottest °C at each place of the charger, and the kinds of those left out."""
    celsius: dict[str, float] = {}
    ignored: list[str] = []
    for (measurand, location), samples in best.items():
        if measurand != _TEMPERATURE:
            continue
        if location not in _OF_THE_CHARGER:
            ignored.append(kind("temperature at", location))
            continue
        plausible = [sample.value for sample in samples if _COLDEST_C <= sample.value <= _HOTTEST_C]
        if len(plausible) < len(samples):
            ignored.append("implausible temperature")
        if plausible:
            celsius[location] = max(plausible)
    return celsius, ignored


def _by_phase(best: _Best, measurand: str) -> dict[str, float]:
    """Return value by phase at the outlet, or where there is none at the first place that was named.

    Places are not mixed: a DC charger measures before and after its losses.
    """
    places = [location for name, location in best if name == measurand]
    if not places:
        return {}
    place = _DEFAULT_LOCATION if _DEFAULT_LOCATION in places else places[0]
    return {sample.phase: sample.value for sample in best[measurand, place]}


def _total(by_phase: dict[str, float]) -> float | None:
    """Return the value without phase, else the sum of the phases: never both. A lone L1 is the total."""
    if not by_phase:
        return None
    return by_phase[""] if "" in by_phase else sum(by_phase.values())


def _current_limit_kw(amperes: dict[str, float], volts: dict[str, float]) -> float | None:
    """Return the kW of an offered current, which where it has no phase is that of every line."""
    pairs = [(amperes.get(line, amperes.get("")), volts.get(line, volts.get(""))) for line in _LINES]
    per_line = [a * v for a, v in pairs if a is not None and v is not None]
    if not any(line in amperes or line in volts for line in _LINES):
        per_line = per_line[:1]
    return sum(per_line) / W_PER_KW if per_line else None

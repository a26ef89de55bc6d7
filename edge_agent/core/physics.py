"""What power, heat and energy should be by what is known: here curtailment, taper, cold and load explain.

A residual is what is left of a quantity when its causes are taken away; baselines are kept of residuals.
"""

from __future__ import annotations

import math
from datetime import datetime
from typing import NamedTuple

from edge_agent.wire.metrics import ConnectorStatus, Quantities

HEAT_S = 1200.0
"""Time constant of a connector's heat: most of its final warmth after twenty minutes."""
AMBIENT_S = 7200.0
USUAL_RISE_C = 20.0
"""Above ambient at rated power; IEC 62196-1 allows 50 K."""
LEAST_SCALE_KW = 3.7
POWER_DROP_KW = 0.1
"""Less than this is none."""
LEAST_CHARGE_KW = 1.4
"""Below this no vehicle can charge (IEC 61851-1: 6 A on one phase)."""
TAPER_SOC = 80.0
"""From here on a vehicle asks for less and less; without its request nobody knows how much."""
MEMORY_S = 900.0
"""Of what power gave and the meter did not show."""
LONGEST_GAP_S = 1200.0
"""Over a longer silence nobody knows what power did."""
METER_STEP_KWH = 0.02
METER_SHARE = 0.02
"""A meter and a power reading may disagree by so much: a last digit, and a part of the energy."""
IDLE_HEAT = 0.02


class Track(NamedTuple):
    """What the physics of the next sample starts from.

    power_kw, energy_kwh: as last told. heat: the square of the load, as the contacts' warmth follows it.
    ambient_c: the air's, as its contacts feel it; where it is not told, its own at rest, slowly followed.
    peak_kw: the most seen, for want of a rating.
    given_kwh, owed_kwh, doubt_kwh: what power gave lately, what of it the meter does not show, and how much
    of that steps of power leave open.
    """

    at: datetime | None = None
    power_kw: float = 0.0
    energy_kwh: float | None = None
    heat: float = 0.0
    ambient_c: float | None = None
    peak_kw: float = LEAST_SCALE_KW
    given_kwh: float = 0.0
    owed_kwh: float = 0.0
    doubt_kwh: float = 0.0


class Residuals(NamedTuple):
    """What its causes leave of energy, power and temperature; None where unknown or not to be told.

    energy: the meter's debt in units of what meters may disagree by. power: logarithm of its share of what
    was due, in idle kW. temperature: °C above ambient and load.
    """

    energy: float | None
    power: float | None
    temperature: float | None


def followed(track: Track, now: Quantities, at: datetime) -> Track:
    """Return the track as of this sample; power is taken to have held since the last one."""
    power = now.power or 0.0
    peak = power if track.peak_kw < power < LARGEST_KW else track.peak_kw
    charging = now.connector_status is ConnectorStatus.CHARGING
    if track.at is None:
        return Track(at, power, now.energy_delivered if charging else None, 0.0, _rest(now), peak)
    passed = max((at - track.at).total_seconds(), 0.0)
    load = min(track.power_kw / (now.rated_power or peak), 2.0) if track.power_kw else 0.0
    heat = load * load
    heat += (track.heat - heat) * math.exp(-passed / HEAT_S)
    ambient, told, lag = track.ambient_c, now.ambient_temperature, HEAT_S
    if told is None and not charging and heat < IDLE_HEAT:
        told, lag = now.temperature, AMBIENT_S
    if told is not None:
        ambient = told if ambient is None else told + (ambient - told) * math.exp(-passed / lag)
    if not charging:
        return Track(at, power, None, heat, ambient, peak)
    energy = now.energy_delivered
    given, owed, doubt = _metered(track, now, passed)
    return Track(at, power, energy, heat, ambient, peak, given, owed, doubt)


LARGEST_KW = 1000.0


def _rest(now: Quantities) -> float | None:
    if now.ambient_temperature is not None:
        return now.ambient_temperature
    at_rest = now.connector_status is not ConnectorStatus.CHARGING and not now.power
    return now.temperature if at_rest else None


def _metered(track: Track, now: Quantities, passed: float) -> tuple[float, float, float]:
    """Return what power gave lately, what of it the meter owes, and what is in doubt, in kWh."""
    before, energy, power = track.energy_kwh, now.energy_delivered, now.power
    if before is None or energy is None or power is None or energy < before or passed > LONGEST_GAP_S:
        return 0.0, 0.0, 0.0
    hours, kept = passed / 3600, math.exp(-passed / MEMORY_S)
    gave = (track.power_kw + power) / 2 * hours
    return (
        track.given_kwh * kept + gave,
        track.owed_kwh * kept + gave - (energy - before),
        max(track.doubt_kwh * kept + abs(power - track.power_kw) / 2 * hours, _step_kwh(before, energy)),
    )


def _step_kwh(before: float, energy: float) -> float:
    """Return by how much a meter that counts whole kWh may be off; 0 for a finer one."""
    return 1.0 if before.is_integer() and energy.is_integer() else 0.0


def residuals(track: Track, now: Quantities, rise_c: float) -> Residuals:
    """Return what is left unexplained of a sample. track: as of then. rise_c: at full load."""
    temperature = now.temperature
    if temperature is not None:
        temperature -= (track.ambient_c or 0.0) + rise_c * track.heat
    if now.connector_status is not ConnectorStatus.CHARGING:
        return Residuals(None, now.power, temperature)
    energy = None
    if track.given_kwh or track.owed_kwh:
        certain = max(abs(track.owed_kwh) - track.doubt_kwh, 0.0)
        energy = math.copysign(certain, track.owed_kwh) / (METER_STEP_KWH + METER_SHARE * track.given_kwh)
    return Residuals(energy, _power_share(track, now), temperature)


def _power_share(track: Track, now: Quantities) -> float | None:
    """Return the logarithm of power's share of what was due; None where nothing can be expected."""
    power, asked, limit, due = now.power, now.power_requested, now.power_limit, now.rated_power
    if power is None or power < POWER_DROP_KW:
        return None
    if asked is None and now.soc is not None and now.soc >= TAPER_SOC:
        return None
    due = track.peak_kw if due is None else due
    if limit is not None and limit < due:
        due = limit
    if asked is not None and asked < due:
        due = asked
    if due < LEAST_CHARGE_KW:
        return None
    share = math.log(power / due)
    return share if asked is not None else share * VEHICLES_APART


VEHICLES_APART = 0.1
"""Without its request one vehicle may take a sixth of what the next one does: power then says little."""

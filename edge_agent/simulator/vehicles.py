"""Vehicles: when they come, what they want, what they ask for, and how long they stay."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edge_agent.simulator.components import DAY_S
from edge_agent.simulator.usage import LEVELS

if TYPE_CHECKING:
    from edge_agent.simulator.site import World

VEHICLE_FAULTS = ("EVContactorFault", "PilotFault", "InvalidVehicleMode")


@dataclass(slots=True)
class Visit:
    """A vehicle at the plug. failed: it will get nothing; fault: by a fault of its own, told as this code."""

    wanted_kwh: float
    asked_kw: float
    soc: float
    failed: bool
    battery_kwh: float = 65.0
    energy_kwh: float = 0.0
    fault: str | None = None

    def request_kw(self, taper: tuple[float, float]) -> float:
        """Return what it asks for at its state of charge; taper: as in `SiteKind`."""
        knee, when_full = taper
        if self.soc <= knee:
            return self.asked_kw
        return self.asked_kw * (1 - (1 - when_full) * (self.soc - knee) / (100 - knee))


def next_arrival_s(world: World, from_s: float, gain: float = 1.0) -> float:
    """Draw the wait for the next vehicle: a Poisson process by hour and weekday; gain: times as many."""
    kind, rng, waited = world.kind, world.rng, 0.0
    if not kind.arrivals_per_day:
        return math.inf
    peak = max(kind.hours) * max(kind.weekdays)
    mean = sum(kind.hours) / len(kind.hours) * sum(kind.weekdays) / len(kind.weekdays)
    peak_wait_s = DAY_S / (kind.arrivals_per_day * gain * peak / mean)
    while True:
        waited += float(rng.exponential(peak_wait_s))
        at_s = from_s + waited
        if rng.random() * peak < kind.hours[int(world.hour(at_s))] * kind.weekdays[world.weekday(at_s)]:
            return waited


def arrival(world: World, rated_kw: float, at_s: float) -> Visit:
    """Draw a vehicle; whether it fails is not yet said, but for a fault of its own or of no cause."""
    rng, usage, kind = world.rng, world.parameters.usage, world.kind
    wanted = float(np.interp(rng.random(), LEVELS, kind.kwh))
    battery = max(usage.battery_kwh, wanted / 0.8)
    soc = float(rng.uniform(5, 100 - 100 * wanted / battery))
    asked = min(float(rng.choice(kind.vehicle_kw)), rated_kw)
    if kind.dc:  # a cold battery takes less
        asked *= 1 - usage.cold_loss * min(max(usage.cold_c - world.ambient_c(at_s), 0.0), 30.0)
    visit = Visit(wanted, asked, soc, failed=bool(rng.random() < kind.zero_share), battery_kwh=battery)
    if rng.random() < world.parameters.causes.vehicle_fault_share:
        visit.failed, visit.fault = True, VEHICLE_FAULTS[int(rng.integers(len(VEHICLE_FAULTS)))]
    return visit


def parked_s(world: World) -> float:
    """Draw how long a vehicle stays when it is charged."""
    kind, rng = world.kind, world.rng
    if rng.random() >= kind.parked_share:
        return 60.0
    return 60 * kind.parked_minutes * math.exp(kind.parked_sigma * rng.standard_normal())

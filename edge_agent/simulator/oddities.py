"""Anomalies put in beside the failures, each with its truth; and harmless changes that must not alarm.

They come at random and independently of the parts' wear; an EVSE has at most one at a time. What needs a
running session to be seen begins in one.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from edge_agent.simulator.components import DAY_S, YEAR_DAYS

if TYPE_CHECKING:
    from datetime import datetime

    from edge_agent.simulator.site import World

HOUR_S = 3600.0
RAMP_SHARE = 0.6
"""Of a drift's time, until it has its full size."""


class OddityKind(StrEnum):
    """What is odd."""

    OVER_TEMPERATURE = "over_temperature"
    POWER_DROP = "power_drop"
    STUCK_POWER = "stuck_power"
    SENSOR_JUMP = "sensor_jump"
    ENERGY_WITHOUT_POWER = "energy_without_power"
    CODE_BURST = "code_burst"
    CONTACT_RESISTANCE = "contact_resistance"
    MODULE_FADE = "module_fade"
    SENSOR_DRIFT = "sensor_drift"
    FIRMWARE_UPDATE = "firmware_update"
    USAGE_PATTERN = "usage_pattern"
    CURTAILMENT = "curtailment"
    COLD = "cold"
    EARLY_TAPER = "early_taper"


@dataclass(frozen=True, slots=True)
class Size:
    """How large it is, in the unit of what it changes; how long it lasts, drawn evenly between two."""

    size: float
    days: tuple[float, float]
    charging: bool = False
    thermometer: bool = False


SUDDEN = {
    # All assumed: each would be called plainly wrong by somebody who looks at the readings.
    OddityKind.OVER_TEMPERATURE: Size(35.0, (0.1, 0.5), charging=True, thermometer=True),  # K, under load
    OddityKind.POWER_DROP: Size(0.97, (0.1, 0.5), charging=True),  # of the power, lost
    OddityKind.STUCK_POWER: Size(1.0, (0.3, 1.0), charging=True),
    OddityKind.SENSOR_JUMP: Size(40.0, (0.1, 1.0), thermometer=True),  # K
    OddityKind.ENERGY_WITHOUT_POWER: Size(1.0, (0.1, 0.5), charging=True),
    OddityKind.CODE_BURST: Size(100.0, (0.1, 0.3)),  # codes a day
}
DRIFTS = {
    OddityKind.CONTACT_RESISTANCE: Size(2.5, (10, 21), thermometer=True),  # extra losses
    OddityKind.MODULE_FADE: Size(0.6, (10, 21)),  # of the rated power, lost
    OddityKind.SENSOR_DRIFT: Size(15.0, (10, 21), thermometer=True),  # K
}
HARMLESS = {
    OddityKind.FIRMWARE_UPDATE: Size(1.0, (1, 1)),
    OddityKind.USAGE_PATTERN: Size(2.5, (20, 60)),  # times as many vehicles
    OddityKind.CURTAILMENT: Size(0.65, (0.1, 0.4)),  # of the limit, less
    OddityKind.COLD: Size(-15.0, (2, 5)),  # K
    OddityKind.EARLY_TAPER: Size(80.0, (5, 20)),  # % at which vehicles arrive
}
SIZES = SUDDEN | DRIFTS | HARMLESS


@dataclass(frozen=True, slots=True)
class Oddity:
    """The truth about one; `end` is when the EVSE is as before."""

    charger_id: str
    connector_id: int
    kind: OddityKind
    onset: datetime
    end: datetime

    @property
    def harmless(self) -> bool:
        """Whether it must not alarm."""
        return self.kind in HARMLESS

    @property
    def drift(self) -> bool:
        """Whether it comes slowly."""
        return self.kind in DRIFTS

    def size_at(self, at: datetime) -> float:
        """Return how large it is at a moment between onset and end."""
        return grown(self.kind, (at - self.onset) / (self.end - self.onset))


@dataclass(frozen=True, slots=True)
class Spell:
    """One that is going on, in seconds since the start."""

    kind: OddityKind
    from_s: float
    until_s: float

    def size(self, kind: OddityKind, at_s: float) -> float:
        """Return how large the given kind is now; 0 where it is another that is going on."""
        if kind is not self.kind:
            return 0.0
        return grown(kind, (at_s - self.from_s) / (self.until_s - self.from_s))


def grown(kind: OddityKind, share: float) -> float:
    """Return its size after a share of its time, in the unit of what it changes."""
    full = SIZES[kind].size
    return full * min(share / RAMP_SHARE, 1.0) if kind in DRIFTS else full


def next_oddity(world: World, *, thermometer: bool) -> tuple[float, OddityKind | None]:
    """Draw the wait for the next and its kind; one that this EVSE could not show is not drawn."""
    rates = world.parameters.oddities
    groups = (
        (SUDDEN, rates.sudden_per_year),
        (DRIFTS, rates.drifts_per_year),
        (HARMLESS, rates.harmless_per_year),
    )
    total = sum(rate for _, rate in groups)
    wait = world.wait_s(total / YEAR_DAYS)
    if not total:
        return wait, None
    drawn = world.rng.random() * total
    for group, rate in groups:
        drawn -= rate
        if drawn <= 0:
            shown = [kind for kind, size in group.items() if thermometer or not size.thermometer]
            return wait, shown[int(world.rng.integers(len(shown)))]
    return wait, None


def spell(world: World, kind: OddityKind, at_s: float) -> Spell:
    """Let one begin now."""
    return Spell(kind, at_s, at_s + float(world.rng.uniform(*SIZES[kind].days)) * DAY_S)

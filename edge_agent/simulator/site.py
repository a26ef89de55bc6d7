"""What all chargers of a site stand in: weather, time, chance, the truth, and what befalls all at once."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from edge_agent.simulator.components import DAY_S, YEAR_DAYS, Breakdown, Failure
from edge_agent.simulator.parameters import SITE_MODES, Mode

if TYPE_CHECKING:
    from numpy.random import Generator

    from edge_agent.simulator.cabinet import Cabinet
    from edge_agent.simulator.oddities import Oddity
    from edge_agent.simulator.parameters import Parameters
    from edge_agent.simulator.sample import Sample
    from edge_agent.simulator.usage import SiteKind

HOUR_S = 3600.0


class World:
    """A site's surroundings, and the lists of what truly happened: outages and oddities.

    trouble: what now befalls the whole site, None where nothing does.
    """

    def __init__(self, parameters: Parameters, kind: SiteKind, rng: Generator, start: datetime) -> None:
        self.parameters = parameters
        self.kind = kind
        self.rng = rng
        self.start = start
        self.failures: list[Failure] = []
        self.oddities: list[Oddity] = []
        self.trouble: Mode | None = None
        self._start_hour = start.hour + start.minute / 60
        self._start_day = start.timetuple().tm_yday
        self._start_weekday = start.weekday()
        self._ambient_at_s, self._ambient_c = math.nan, 0.0  # asked for several times a moment
        self._warmer_c = float(rng.normal(0, parameters.heat.site_c))
        self.curtailed = rng.random() < parameters.usage.curtailed_site_share

    def hour(self, at_s: float) -> float:
        """Return the hour of the day, 0 to 24."""
        return (self._start_hour + at_s / HOUR_S) % 24

    def weekday(self, at_s: float) -> int:
        """Return the day of the week, 0 for Monday."""
        return (self._start_weekday + int((self._start_hour + at_s / HOUR_S) // 24)) % 7

    def ambient_c(self, at_s: float) -> float:
        """Return the air's temperature: coldest in January and at four in the morning."""
        if at_s == self._ambient_at_s:
            return self._ambient_c
        heat = self.parameters.heat
        season = math.cos(2 * math.pi * (self._start_day + at_s / DAY_S - 15) / YEAR_DAYS)
        day = math.cos(2 * math.pi * (self.hour(at_s) - 4) / 24)
        self._ambient_at_s = at_s
        self._ambient_c = heat.mean_c + self._warmer_c - heat.season_c * season - heat.daily_c * day
        return self._ambient_c

    def wait_s(self, per_day: float) -> float:
        """Draw the wait for the next of events that come by chance so many times a day."""
        return float(self.rng.exponential(DAY_S / per_day)) if per_day else math.inf

    def wait_for(self, mode: Mode) -> float:
        """Draw the wait for the next outage by a cause that is no part's."""
        return self.wait_s(self.parameters.causes.per_year[mode] / YEAR_DAYS)

    def lasting_s(self) -> float:
        """Draw how long such an outage lasts."""
        causes = self.parameters.causes
        return causes.median_hours * HOUR_S * math.exp(causes.sigma_hours * self.rng.standard_normal())

    def moment(self, at_s: float) -> datetime:
        """Return the simulated moment."""
        return self.start + timedelta(seconds=at_s)

    def record(
        self, charger_id: str, connector_id: int, breakdown: Breakdown, span: tuple[float, float]
    ) -> None:
        """Write down an outage from span[0] to span[1], in seconds."""
        wear = self.parameters.faults.wear.get(breakdown.mode)
        own = wear is not None and wear.own
        onset, returned = self.moment(span[0]), self.moment(span[1])
        self.failures.append(
            Failure(charger_id, connector_id, breakdown.mode, onset, returned, own, breakdown.announced)
        )


class SiteTrouble:
    """What befalls all chargers of a site at once; an actor. One at a time."""

    def __init__(self, world: World, cabinets: list[Cabinet]) -> None:
        self._world = world
        self._cabinets = cabinets
        self._begins = {mode: world.wait_for(mode) for mode in SITE_MODES}
        self._ends_s = math.inf

    def next_s(self) -> float:
        return min(*self._begins.values(), self._ends_s)

    def act(self) -> list[Sample]:
        at_s, world = self.next_s(), self._world
        if at_s == self._ends_s:
            restarts = world.trouble is Mode.SITE_POWER
            world.trouble, self._ends_s = None, math.inf
            return [sample for cabinet in self._cabinets for sample in cabinet.back_at(at_s, restarts)]
        mode = min(self._begins, key=self._begins.__getitem__)
        self._begins[mode] = at_s + world.wait_for(mode)
        if world.trouble is None:
            world.trouble, self._ends_s = mode, at_s + world.lasting_s()
            for cabinet in self._cabinets:
                cabinet.cut_off(at_s)
                span = (at_s, self._ends_s)
                world.record(cabinet.charger_id, 0, Breakdown(mode, announced=False), span)
        return []

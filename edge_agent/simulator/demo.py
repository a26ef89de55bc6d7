"""The demo's site: faults at set times, so that within seconds there is something to see.

Everything that takes days or minutes in the field is quickened: heat follows the load in seconds,
sessions last minutes, repairs are done in a minute or two. Chance breaks nothing here; the script does,
and it starts again every five minutes.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from edge_agent.simulator.components import Breakdown
from edge_agent.simulator.evse import Evse
from edge_agent.simulator.fleet import Fleet, SitePlan
from edge_agent.simulator.parameters import (
    STAGES,
    CauseParameters,
    FaultParameters,
    HeatParameters,
    Mode,
    Parameters,
    SensingParameters,
    UsageParameters,
)
from edge_agent.simulator.usage import SiteKind
from edge_agent.simulator.vehicles import Visit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from edge_agent.simulator.sample import Sample
    from edge_agent.simulator.voices import Message

DEMO_SEED = 7
CYCLE_S = 300.0
DEMO_KIND = SiteKind(
    arrivals_per_day=800,
    kwh=(1, 1.2, 1.4, 1.6, 2, 2.5, 3.2, 4, 4.5, 5),
    zero_share=0,
    rated_kw=(50,),
    vehicle_kw=(20, 30, 40),
    hours=(1.0,) * 24,
    parked_share=1,
    parked_minutes=0.4,
    parked_sigma=0.3,
    taper=(90, 0.5),
    dc=True,
)
DEMO_PARAMETERS = Parameters(
    faults=FaultParameters(
        outages_per_year=0,
        frailty_variance=0,
        false_codes_per_day=0,
        codes_per_day=60_000,  # a worn part has two in three seconds: many days in a minute
        code_minutes=0.012,
        boots_per_day=0,
        worn_boots_per_day=0,
    ),
    causes=CauseParameters(per_year=dict.fromkeys(CauseParameters().per_year, 0.0), vehicle_fault_share=0),
    heat=HeatParameters(
        derate_c=75, rise_c=22, time_constant_s=8, mean_c=20, season_c=0, daily_c=0, site_c=0
    ),
    usage=UsageParameters(worn_power_loss=0.999, curtailed_site_share=0, failed_start_s=5),
    sensing=SensingParameters(
        interval_s=1.0,
        charging_interval_s=1.0,
        lost_share=0,
        late_share=0,
        twice_share=0,
        skew_s=0,
        reset_share=0,
        coarse_share=0,
        no_temperature_share=0,
        no_soc_share=0,
        no_maintenance_share=0,
        no_request_share=0,
    ),
)


class Line(NamedTuple):
    """One line of the script. charger: its place in the site, from 0."""

    at_s: float
    charger: int
    does: str
    mode: Mode = Mode.INSULATION
    lasting_s: float = 0.0
    wanted_kwh: float = 40.0


SCRIPT = (
    Line(1, 0, "wear", Mode.CONNECTOR),
    Line(1, 0, "charge"),  # past 50 °C after some 8 s, past 60 °C after some 15 s
    Line(2, 2, "charge"),
    Line(3, 4, "wear", Mode.LOCK),  # codes and failed starts, as before a failure: one is foretold
    Line(4, 5, "charge", wanted_kwh=3),
    Line(5, 4, "fail to start"),
    Line(10, 4, "leave"),
    Line(12, 1, "fail", Mode.INSULATION, 90),
    Line(14, 4, "fail to start"),
    Line(19, 4, "leave"),
    Line(23, 4, "fail to start"),
    Line(28, 4, "leave"),
    Line(30, 2, "wear", Mode.POWER_MODULE),  # the power collapses in mid-charge
    Line(45, 3, "fail", Mode.NETWORK, 120),  # falls silent
    Line(100, 0, "heal", Mode.CONNECTOR),
    Line(110, 4, "heal", Mode.LOCK),
    Line(120, 2, "heal", Mode.POWER_MODULE),
    Line(150, 0, "leave"),
    Line(200, 2, "leave"),
)


class Script:
    """Plays the script over and over; an actor of the fleet."""

    def __init__(self, fleet: Fleet) -> None:
        firsts: dict[str, Evse] = {}
        for evse in fleet.evses:
            firsts.setdefault(evse.charger_id, evse)
        self._stage = list(firsts.values())
        self._lines = [line for line in SCRIPT if line.charger < len(self._stage)]
        self._played = 0

    def next_s(self) -> float:
        if not self._lines:
            return math.inf
        cycle, place = divmod(self._played, len(self._lines))
        return cycle * CYCLE_S + self._lines[place].at_s

    def act(self) -> list[Sample]:
        at_s = self.next_s()
        line = self._lines[self._played % len(self._lines)]
        self._played += 1
        evse = self._stage[line.charger]
        if line.does == "fail":
            unit = evse.cabinet if line.mode in evse.cabinet.parts.stage else evse
            unit.now_s = at_s
            unit.fail(Breakdown(line.mode, announced=False), line.lasting_s)
        elif line.does in {"charge", "fail to start"}:
            failed = line.does == "fail to start"
            evse.begin(Visit(wanted_kwh=line.wanted_kwh, asked_kw=evse.rated_kw, soc=10, failed=failed))
        elif line.does == "leave":
            evse.leave()
        else:
            evse.parts.wear(line.mode, STAGES if line.does == "wear" else 0)
            evse.redraw_code(at_s)
        return evse.report_at(at_s)


def demo_messages(chargers: int, start: datetime, speed: float = 1.0) -> Iterator[Message]:
    """Yield the demo site's messages, endlessly; the last of two or more chargers speaks OCPP 1.6.

    start: the present. Stamps in payloads run with the wall clock at any speed, if the messages are
    published `speed` times as fast as their `at` says.
    """
    plan = SitePlan(
        chargers=chargers,
        start=start,
        kind=DEMO_KIND,
        ocpp=1 if chargers > 1 else 0,
        time_scale=speed,
        parameters=DEMO_PARAMETERS,
    )
    fleet = Fleet(plan, DEMO_SEED)
    return fleet.messages(Script(fleet))

"""What each EVSE of simulated sites said, reading by reading, with the truth about what was odd in it."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from edge_agent.simulator.parameters import Mode
from edge_agent.sources import Received
from edge_agent.sources.metrics import decode_metrics
from models.training.fleet import fleet_of, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge_agent.simulator.components import Failure
    from edge_agent.simulator.fleet import Fleet
    from edge_agent.simulator.oddities import Oddity
    from edge_agent.wire.reading import Reading
    from edge_agent.wire.types import EvseId
    from models.training.fleet import FleetPlan


class Worn(NamedTuple):
    """A span in which a part was worn, and so in which what it does may rightly be called odd."""

    mode: Mode
    begin: datetime
    end: datetime


class Stream(NamedTuple):
    """One EVSE. readings: in the order in which they came. `oddities` has the harmless changes too."""

    site: int
    evse: EvseId
    readings: list[Reading]
    oddities: list[Oddity]
    outages: list[Failure]
    worn: list[Worn]


def streams(plan: FleetPlan) -> Iterator[Stream]:
    """Yield every EVSE of every site, one site at a time: no more than one lies in memory.

    plan: its parameters should be `with_oddities(...)`, else nothing odd is put in and reports are sparse.
    """
    for site in range(plan.sites):
        yield from site_streams(plan, site)


def site_streams(plan: FleetPlan, site: int) -> list[Stream]:
    """Return every EVSE of one site, in the order of their ids."""
    fleet, end = fleet_of(plan, site), plan.start + timedelta(days=plan.days)
    readings: dict[EvseId, list[Reading]] = defaultdict(list)
    for message in until(fleet, end):
        received = Received("", message.payload, message.at)
        for reading in decode_metrics(message.charger_id, received).readings:
            readings[reading.evse].append(reading)
    return [Stream(site, evse, readings[evse], *_truth(fleet, evse, end)) for evse in sorted(readings)]


def _truth(fleet: Fleet, evse: EvseId, end: datetime) -> tuple[list[Oddity], list[Failure], list[Worn]]:
    places = {evse, (evse.charger_id, 0)}
    oddities = [each for each in fleet.oddities if (each.charger_id, each.connector_id) == evse]
    outages = [each for each in fleet.failures if (each.charger_id, each.connector_id) in places]
    worn = []
    for parts in fleet.parts(evse):
        for mode in parts.stage:
            past = [(fleet.world.moment(at_s), stage) for at_s, part, stage in parts.past if part is mode]
            spans = pairwise([*past, (end, 0)])
            worn += [Worn(mode, begin, later) for (begin, stage), (later, _) in spans if stage]
    return oddities, outages, worn

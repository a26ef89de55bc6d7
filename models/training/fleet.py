"""Simulated sites, read as the agent reads them: messages -> readings -> state -> features, and the truth."""

from __future__ import annotations

import json
import tomllib
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_agent.core.charger import Charger, newcomer, observe
from edge_agent.core.features import HORIZON_DAYS, N_FAILURE, FloatArray, failure_row
from edge_agent.simulator.fleet import Fleet, SitePlan
from edge_agent.simulator.oracle import risk
from edge_agent.simulator.parameters import Mode, Parameters, plain
from edge_agent.simulator.worlds import overridden, world
from edge_agent.sources import Received
from edge_agent.sources.metrics import decode_metrics
from edge_agent.wire.answers import FailureMode
from edge_agent.wire.types import EvseId

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from edge_agent.simulator.voices import Message

Array = NDArray[np.float64]
DAY = timedelta(days=1)
MODES = tuple(Mode)
"""What `Rows.next_mode` counts by."""
SUSPECTS = tuple(FailureMode)
NO_TIME = timedelta()
SHORTEST_OUTAGE = timedelta(hours=4)
"""Less than this is no failure."""
BACK_AFTER = timedelta(hours=24)
"""So long after its return an EVSE is not yet at risk again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetPlan:
    """How much is simulated. row_hours: time between two rows of an EVSE; their phase is drawn at random."""

    sites: int = 60
    chargers: int = 8
    days: float = 270.0
    warm_up_days: float = 21.0
    row_hours: float = 6.0
    seed: int = 20250101
    start: datetime = datetime(2024, 1, 1, tzinfo=UTC)
    parameters: Parameters = field(default_factory=lambda: world("normal"))


class Rows(NamedTuple):
    """Samples of EVSEs in service, each with its future. All arrays have the same first axis.

    x: float32, shape (n, N_FAILURE). site, evse: int. at, to_failure, to_censor: days; to_failure is
    infinite where none was seen, to_censor is how long the future was observed. oracle: shape
    (n, len(HORIZON_DAYS)), the true probability of failure within each, from the latent state of that
    moment. next_mode: which part fails next, by its place in Mode, -1 where no failure was seen;
    next_announced: whether wear comes before that failure, so that it can be foretold at all. suspect: which
    part the agent suspects by the codes of late, by its place in SUSPECTS, -1 for none.
    """

    x: FloatArray
    site: NDArray[np.int64]
    evse: NDArray[np.int64]
    at: Array
    to_failure: Array
    to_censor: Array
    oracle: Array
    next_mode: NDArray[np.int64]
    next_announced: NDArray[np.bool_]
    suspect: NDArray[np.int64]

    def where(self, chosen: NDArray[np.bool_]) -> Rows:
        """Return the chosen rows."""
        return Rows._make(column[chosen] for column in self)


@dataclass(slots=True)
class _Seen:
    """One EVSE as the agent knows it, and the rows taken from it so far; next_row: when the next is due."""

    charger: Charger
    next_row: datetime
    rows: list[tuple[float, ...]] = field(default_factory=list)
    at: list[datetime] = field(default_factory=list)
    suspect: list[int] = field(default_factory=list)

    def rows_until(self, moment: datetime, step: timedelta) -> None:
        """Take the rows that are due before the moment, from what was known then."""
        while self.next_row < moment:
            self.rows.append(failure_row(self.charger, self.next_row))
            self.at.append(self.next_row)
            suspect = self.charger.trouble.suspect
            self.suspect.append(-1 if suspect is None else SUSPECTS.index(suspect))
            self.next_row += step


def world_of(name: str, changes: Path | None = None) -> Parameters:
    """Return a world by its name, with the changes that a TOML or JSON file makes to its numbers.

    The file names them as `edge_agent.simulator.parameters` does: `[faults]`, `outages_per_year = 2.0`.
    Raises: FileNotFoundError; ValueError where the file cannot be read, or names what there is not.
    """
    if changes is None:
        return world(name)
    read = json.loads if changes.suffix == ".json" else tomllib.loads
    return overridden(world(name), read(changes.read_text()))


def simulate(plan: FleetPlan, workers: int = 2) -> Rows:
    """Return the rows of all sites, in the order of sites, EVSEs and time; the same for any `workers`."""
    if workers == 1:
        return together([_simulate_site(plan, site) for site in range(plan.sites)])
    context = get_context("spawn")  # a fork would copy the threads' locks of whoever asks
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        sites = list(pool.map(_simulate_site, [plan] * plan.sites, range(plan.sites)))
    return together(sites)


def together(parts: list[Rows]) -> Rows:
    """Return several sites' rows as one."""
    return Rows._make(np.concatenate(columns) for columns in zip(*parts, strict=True))


def fleet_of(plan: FleetPlan, site: int) -> Fleet:
    """Return a site of the plan; the kinds of site take turns."""
    kinds = list(plan.parameters.kinds.values())
    site_plan = SitePlan(
        chargers=plan.chargers, start=plan.start, kind=kinds[site % len(kinds)], parameters=plan.parameters
    )
    return Fleet(site_plan, [plan.seed, site])


def until(fleet: Fleet, end: datetime) -> Iterator[Message]:
    """Yield what a fleet says up to a moment."""
    for message in fleet.messages():
        if message.at > end:
            return
        yield message


def _simulate_site(plan: FleetPlan, site: int) -> Rows:
    fleet = fleet_of(plan, site)
    rng = np.random.default_rng([plan.seed, site, 1])
    seen = _watch(until(fleet, plan.start + timedelta(days=plan.days)), plan, rng)
    parts = [
        _labelled(known, evse, site * 1000 + place, (plan, fleet))
        for place, (evse, known) in enumerate(sorted(seen.items()))
    ]
    return together(parts)


def _watch(messages: Iterator[Message], plan: FleetPlan, rng: np.random.Generator) -> dict[EvseId, _Seen]:
    """Fold the messages into states, and take a row of each EVSE at each point of its grid."""
    seen: dict[EvseId, _Seen] = {}
    first_row = plan.start + timedelta(days=plan.warm_up_days)
    step = timedelta(hours=plan.row_hours)
    for message in messages:
        received = Received("", message.payload, message.at)
        for reading in decode_metrics(message.charger_id, received).readings:
            known = seen.get(reading.evse)
            if known is None:
                begin = max(first_row, reading.at) + step * float(rng.random())
                known = seen[reading.evse] = _Seen(newcomer(reading.evse, reading.at), begin)
            known.rows_until(message.at, step)
            known.charger = observe(known.charger, reading).charger
    for known in seen.values():
        known.rows_until(plan.start + timedelta(days=plan.days), step)
    return seen


def _labelled(known: _Seen, evse: EvseId, number: int, truth: tuple[FleetPlan, Fleet]) -> Rows:
    """Return an EVSE's rows while in service, with the days to its next failure and to the end of sight."""
    plan, fleet = truth
    at = np.array([(moment - plan.start) / DAY for moment in known.at])
    failed, censored = np.full(len(at), np.inf), plan.days - at
    mode, announced = np.full(len(at), -1), np.zeros(len(at), dtype=np.bool_)
    in_service = np.ones(len(at), dtype=np.bool_)
    for outage in fleet.failures:
        if (outage.charger_id, outage.connector_id) not in {evse, (evse.charger_id, 0)}:
            continue
        shown_again = outage.returned + (BACK_AFTER if outage.own else NO_TIME)
        onset, back = (outage.onset - plan.start) / DAY, (shown_again - plan.start) / DAY
        in_service &= (at < onset) | (at >= back)
        if outage.own and outage.returned - outage.onset >= SHORTEST_OUTAGE:
            next_ = (at < onset) & (onset - at < failed)
            failed[next_] = onset - at[next_]
            mode[next_], announced[next_] = MODES.index(outage.mode), outage.announced
        elif outage.censors:
            censored = np.where(at < onset, np.minimum(censored, onset - at), censored)
    seen = failed <= censored
    rows = Rows(
        np.array(known.rows, dtype=np.float32).reshape(len(at), N_FAILURE),
        np.full(len(at), number // 1000),
        np.full(len(at), number),
        at,
        np.where(seen, failed, np.inf),
        censored,
        risk(fleet.parts(evse), at * DAY.total_seconds(), HORIZON_DAYS),
        np.where(seen, mode, -1),
        announced & seen,
        np.array(known.suspect, dtype=np.int64),
    )
    return rows.where(in_service)


def described(plan: FleetPlan) -> dict[str, object]:
    """Return a plan with all its parameters as plain values, to be hashed and written down."""
    return {each.name: plain(getattr(plan, each.name)) for each in fields(plan)}

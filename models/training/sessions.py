"""Charging sessions, real and simulated, in one shape, by the kinds of site that the simulator knows.

Real ones: `ev_sessions/sessions.csv.gz` (SAP Labs France: work; Boulder: public; Dundee: city and rapid, by
the power that each charger reaches) and `epfl_ccs/sessions.xlsx.gz` (hub).
"""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from edge_agent.simulator.worlds import world
from edge_agent.wire.metrics import ConnectorStatus
from models.training.fleet import FleetPlan
from models.training.streams import streams

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from edge_agent.wire.reading import Reading

RAPID_KW = 24.0
"""A charger of Dundee on which one session in twenty is above this mean power is a rapid one."""
FEW = 30
"""Chargers with fewer sessions say too little of themselves."""
LOCAL_HOURS = {"sap": 1, "boulder": -6, "dundee": 0}
"""Local time less UTC, summer time aside; assumed from where they stand."""
GOOD_KWH = 0.1
HOUR = timedelta(hours=1)


class Session(NamedTuple):
    """One session. start: local time, 0 to 24 of its hour counting in the site's profile."""

    start: datetime
    hours: float
    kwh: float


Evses = dict[str, list[Session]]
"""Sessions by EVSE."""


def real(data: Path) -> dict[str, Evses]:
    """Return the real sessions by kind of site. Raises OSError where the files are not in `data`."""
    found: dict[str, Evses] = defaultdict(dict)
    for (dataset, evse), sessions in _open_data(data / "ev_sessions" / "sessions.csv.gz").items():
        if len(sessions) >= FEW:
            found[_kind(dataset, sessions)][evse] = sessions
    found["hub"] = _ccs(data / "epfl_ccs" / "sessions.xlsx.gz")
    return dict(found)


def simulated(days: float, chargers: int) -> dict[str, Evses]:
    """Return the sessions of one simulated site of each kind, as they are to be seen in its messages."""
    parameters = world("normal")
    quiet = replace(parameters, faults=replace(parameters.faults, outages_per_year=0.0))
    kinds = list(parameters.kinds)
    plan = FleetPlan(sites=len(kinds), chargers=chargers, days=days, parameters=quiet)
    found: dict[str, Evses] = {kind: {} for kind in kinds}
    for stream in streams(plan):
        name = f"{stream.evse.charger_id}/{stream.evse.connector_id}"
        found[kinds[stream.site]][name] = list(told(stream.readings))
    return found


def told(readings: Iterable[Reading]) -> Iterable[Session]:
    """Yield the sessions that one EVSE tells of: from CHARGING to the first status without a vehicle."""
    began: datetime | None = None
    energy = 0.0
    for reading in readings:
        status = reading.metrics.connector_status
        if began is None and status is ConnectorStatus.CHARGING:
            began, energy = reading.at, 0.0
        elif began is not None and status in {ConnectorStatus.AVAILABLE, ConnectorStatus.FAULTY}:
            yield Session(began, max((reading.at - began) / HOUR, 0.0), energy)
            began = None
        if began is not None:
            energy = reading.metrics.energy_delivered or 0.0


def _open_data(file: Path) -> dict[tuple[str, str], list[Session]]:
    found: dict[tuple[str, str], list[Session]] = defaultdict(list)
    with gzip.open(file, "rt", encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            if row["start"] and row["end"] and row["energy_kwh"]:
                start, end = (datetime.fromisoformat(row[name]) for name in ("start", "end"))
                local = start + LOCAL_HOURS[row["dataset"]] * HOUR
                evse = f"{row['charger_id']}/{row['connector_id']}"
                session = Session(local, (end - start) / HOUR, float(row["energy_kwh"]))
                found[row["dataset"], evse].append(session)
    return found


def _kind(dataset: str, sessions: list[Session]) -> str:
    if dataset != "dundee":
        return {"sap": "work", "boulder": "public"}[dataset]
    powers = [each.kwh / each.hours for each in sessions if each.hours > 0.05]  # noqa: PLR2004 - three minutes
    return "rapid" if powers and float(np.quantile(powers, 0.95)) > RAPID_KW else "city"


def _ccs(file: Path) -> Evses:
    from openpyxl import load_workbook  # noqa: PLC0415 - only the training's extra has it

    with gzip.open(file) as packed:
        book = load_workbook(BytesIO(packed.read()), read_only=True)
    names, *rows = book.worksheets[0].iter_rows(values_only=True)
    place = {str(name): number for number, name in enumerate(names)}
    found: Evses = defaultdict(list)
    for row in rows:
        start, end = row[place["Arrival"]], row[place["Departure"]]
        kwh = row[place["Energy (Wh)"]]
        if isinstance(start, datetime) and isinstance(end, datetime) and isinstance(kwh, int | float):
            session = Session(start.replace(tzinfo=UTC), (end - start) / HOUR, kwh / 1000)
            found[str(row[place["CCS"]])].append(session)
    return dict(found)

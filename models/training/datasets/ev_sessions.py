"""Real charging sessions, replayed as readings through the agent's own way: what it would have told in vain.

Sessions give start, end and energy and nothing else. What a charger would have said in between is inferred,
and no more than that: it charges at its usual rate (the upper quartile of its sessions' mean powers, or the
session's own mean where that is more) until the energy is delivered, and stays occupied to the end. A session
without energy is a plug that was put in and taken out. There is no temperature, limit, request or code.
The same replay is then told again with faults put in, one on each EVSE that is used enough, half-way
through its life, lasting until ten sessions have ended.
"""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from edge_agent.core.sessions import GOOD_SESSION_KWH
from edge_agent.wire.metrics import ConnectorStatus, Metrics
from edge_agent.wire.reading import Reading, Source
from models.training.anomaly_scoring import JOINED, MONTH, Event, Score, replayed

HOUR = timedelta(hours=1)
EVERY = timedelta(minutes=5)
REST_EVERY = timedelta(hours=6)
MOST_SAMPLES = 24
"""In one session: a longer one is told less often."""
LONGEST_REST = timedelta(days=7)
FAULT_SESSIONS = 10
LEAST_SESSIONS = 60
HOT_C, REST_C = 62.0, 25.0
FAULTS = ("power_drop", "over_temperature", "no_energy", "stuck_meter", "code")


class Session(NamedTuple):
    """start, end: UTC. energy_kwh: what was delivered."""

    start: datetime
    end: datetime
    energy_kwh: float


def evaluate(data: Path) -> dict[str, Any]:
    """Return false episodes an EVSE-month on real sessions, and the share of faults found that were put in.

    data: a directory with files sessions.csv or sessions.csv.gz. Chargers are dealt into two halves by turns:
    settings were chosen on the first alone. Raises FileNotFoundError where there is no such file.
    """
    quiet, faulty = (Score(), Score()), (Score(), Score())
    for place, (_, sessions) in enumerate(sorted(read(data).items())):
        half = place % 2
        _count(quiet[half], list(told(sessions)), [])
        if len(sessions) >= LEAST_SESSIONS:
            kind = FAULTS[place // 2 % len(FAULTS)]
            span = sessions[len(sessions) // 2 : len(sessions) // 2 + FAULT_SESSIONS]
            event = Event(kind, span[0].start, span[-1].end)
            _count(faulty[half], list(told(sessions, event)), [event])
    return {
        "chosen_on": _figures(quiet[0], faulty[0]),
        "others": _figures(quiet[1], faulty[1]),
        "always_alarm": {"false_an_evse_month": MONTH / JOINED, "found": 1.0},
        "never_alarm": {"false_an_evse_month": 0.0, "found": 0.0},
    }


def read(data: Path) -> dict[str, list[Session]]:
    """Return the sessions of each EVSE in order of their start; those that overlap are of different plugs."""
    files = sorted([*data.glob("*.csv"), *data.glob("*.csv.gz")])
    if not files:
        raise FileNotFoundError(f"{data} has no .csv or .csv.gz file of sessions")
    chargers: dict[str, list[Session]] = defaultdict(list)
    for file in files:
        with gzip.open(file, "rt") if file.suffix == ".gz" else file.open() as lines:
            for row in csv.DictReader(lines):
                if not (row["start"] and row["end"] and row["energy_kwh"]):
                    continue
                start, end = (datetime.fromisoformat(row[name]) for name in ("start", "end"))
                if end > start:
                    name = f"{row['dataset']} {row['charger_id']} {row['connector_id']}"
                    chargers[name].append(Session(start, end, max(float(row["energy_kwh"]), 0.0)))
    return {
        f"{name} {plug}": sessions
        for name, held in chargers.items()
        for plug, sessions in enumerate(_plugs(sorted(held)))
    }


def _plugs(sessions: list[Session]) -> list[list[Session]]:
    plugs: list[list[Session]] = []
    for session in sessions:
        free = next((plug for plug in plugs if plug[-1].end <= session.start), None)
        if free is None:
            plugs.append([session])
        else:
            free.append(session)
    return plugs


def told(sessions: list[Session], fault: Event | None = None) -> Iterator[Reading]:
    """Yield what a charger would have said of its sessions. fault: what is wrong with it in the meantime."""
    hours = np.array([(each.end - each.start) / HOUR for each in sessions])
    means = np.array([each.energy_kwh for each in sessions]) / hours
    usual_kw = float(np.quantile(means, 0.75))
    ends = [each.start for each in sessions[1:]] + [sessions[-1].end]
    for session, mean_kw, following in zip(sessions, means, ends, strict=True):
        for reading in _session(session, max(usual_kw, float(mean_kw))):
            yield _with_fault(reading, fault)
        at, until = session.end, min(following, session.end + LONGEST_REST)
        yield _with_fault(_reading(at, ConnectorStatus.AVAILABLE, 0.0, session.energy_kwh), fault)
        while (at := at + REST_EVERY) < until:
            yield _with_fault(_reading(at, ConnectorStatus.AVAILABLE, 0.0, session.energy_kwh), fault)


def _session(session: Session, kw: float) -> Iterator[Reading]:
    step = max(EVERY, (session.end - session.start) / MOST_SAMPLES)
    charges = session.energy_kwh >= GOOD_SESSION_KWH
    full_at = session.start + timedelta(hours=session.energy_kwh / kw) if charges else session.start
    at = session.start
    while at < session.end:
        if at < full_at:
            energy = min(kw * ((at - session.start) / HOUR), session.energy_kwh)
            yield _reading(at, ConnectorStatus.CHARGING, kw, energy)
        else:
            yield _reading(at, ConnectorStatus.OCCUPIED, 0.0, session.energy_kwh)
        at += step


def _reading(at: datetime, status: ConnectorStatus, power: float, energy_kwh: float) -> Reading:
    metrics = Metrics(connector_status=status, power=power, energy_delivered=energy_kwh)
    return Reading("replayed", 1, metrics, at, Source.METRICS, measured_at=at)


def _with_fault(reading: Reading, fault: Event | None) -> Reading:
    """Return what is said while a fault lasts."""
    if fault is None or not fault.begin <= reading.at <= fault.end:
        return reading
    metrics = reading.metrics
    plugged = metrics.connector_status is not ConnectorStatus.AVAILABLE
    changed: dict[str, Any] = {"energy_delivered": 0.0}
    if fault.kind == "power_drop" and plugged:
        changed |= {"power": 0.0, "connector_status": ConnectorStatus.CHARGING}
    elif fault.kind == "no_energy" and plugged:
        changed |= {"power": 0.0, "connector_status": ConnectorStatus.OCCUPIED}
    elif fault.kind == "over_temperature":
        changed = {"temperature": HOT_C if plugged else REST_C}
    elif fault.kind == "code":
        changed = {"error_codes": ("OtherError",)}
    return reading._replace(metrics=metrics.model_copy(update=changed))


def _figures(quiet: Score, faulty: Score) -> dict[str, Any]:
    faults = faulty.figures()
    return quiet.figures() | {"found": faults["found"], "hard": faults["hard"], "by_kind": faults["by_kind"]}


def _count(score: Score, readings: list[Reading], events: list[Event]) -> None:
    raised = [each.reading.at for each in replayed(readings) if each.alerts]
    score.add([reading.at for reading in readings], raised, (events, []))

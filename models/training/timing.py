"""How long the shipped models take on this machine: `python -m models.training.timing`, JSON.

One row at a time, as a lone reading is judged; microseconds of processor time. "judged" is all: features,
both models, reasons and the answers.
"""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_agent.adapters.onnx import load_anomaly, load_failure
from edge_agent.core.charger import Charger, Observed, newcomer, observe
from edge_agent.core.features import anomaly_rows, as_matrix, failure_row
from edge_agent.core.judgement import answers, judge
from edge_agent.core.models import Models
from edge_agent.sources import Received
from edge_agent.sources.metrics import decode_metrics
from models.training.fleet import FleetPlan, fleet_of, until

if TYPE_CHECKING:
    from edge_agent.wire.types import EvseId

MODELS = Path(__file__).parents[1]
DAYS = 30.0
REPEATS = 5_000
STANDS_OUT = {"temperature": 9.0}
"""A deviation on which the forest is asked too."""


def main() -> None:
    """Measure and print."""
    print(json.dumps(measured(), indent=1))


def measured() -> dict[str, Any]:
    """Return median and p99 of each step over chargers of a simulated site, in microseconds."""
    models = Models(load_failure(MODELS), load_anomaly(MODELS))
    at = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=DAYS)
    chargers = list(_chargers().values())
    rows = [as_matrix([failure_row(charger, at)]) for charger in chargers]
    few = [anomaly_rows(row) for row in rows]
    odd = [(Observed(charger, STANDS_OUT, current=True), at) for charger in chargers]
    return {
        "machine": f"{platform.machine()}, Python {platform.python_version()}",
        "failure_model": _quantiles(lambda n: models.failure.explained(rows[n % len(rows)])),
        "anomaly_model": _quantiles(lambda n: models.anomaly.scores(few[n % len(few)])),
        "judged": _quantiles(lambda n: answers(judge([odd[n % len(odd)]], models)[0])),
    }


def _chargers() -> dict[EvseId, Charger]:
    plan = FleetPlan(sites=1, days=DAYS)
    found: dict[EvseId, Charger] = {}
    for message in until(fleet_of(plan, 0), plan.start + timedelta(days=DAYS)):
        received = Received("", message.payload, message.at)
        for reading in decode_metrics(message.charger_id, received).readings:
            known = found.get(reading.evse) or newcomer(reading.evse, reading.at)
            found[reading.evse] = observe(known, reading, known.heard_at).charger
    return found


def _quantiles(work: Callable[[int], object]) -> dict[str, float]:
    lasted = []
    for number in range(REPEATS):
        began = time.thread_time_ns()
        work(number)
        lasted.append((time.thread_time_ns() - began) / 1000)
    median, late = np.percentile(lasted, (50, 99)).tolist()
    return {"median_us": round(median, 1), "p99_us": round(late, 1)}


if __name__ == "__main__":
    main()

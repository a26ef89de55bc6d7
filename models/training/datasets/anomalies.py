"""Anomalies on simulated sites: what the agent's own way finds of those put in, and what it tells in vain.

python -m models.training.datasets.anomalies --seed 11
"""

from __future__ import annotations

import argparse
import json
from datetime import datetime
from typing import Any

from edge_agent.core.anomaly import ruled_type
from edge_agent.simulator.oddities import Oddity, OddityKind
from edge_agent.simulator.worlds import with_oddities
from edge_agent.wire.answers import AnomalyType
from edge_agent.wire.metrics import ConnectorStatus
from models.training.anomaly_scoring import JOINED, MONTH, Event, Judged, Score, Span, macro_f1, replayed
from models.training.fleet import FleetPlan, world_of
from models.training.streams import Stream, streams

SHOWN_SHARE = 0.5
"""Of a drift's time: from here on its samples count as odd, for the types."""
PLAIN_C = 10.0
"""A thermometer so far off is plainly wrong: twenty times the noise of a simulated one."""


def anomaly_figures(plan: FleetPlan) -> dict[str, Any]:
    """Return figures for the sites of a plan, whose parameters are `with_oddities(...)`, as JSON values.

    Beside the detector stand the central service's bare rules on each sample, "always" and "never alarm".
    Outages and worn parts are neither true nor false. A sample's true type is what a rule gives; else an
    outlier as long as something odd shows in it, high where it is plainly wrong (`_plain`), else middling.
    """
    detector, rules = Score(), Score()
    true: list[AnomalyType] = []
    said: list[AnomalyType] = []
    ruled: list[AnomalyType] = []
    for stream in streams(plan):
        truth = _truth(stream)
        judged = list(replayed(stream.readings))
        at = [each.reading.at for each in judged]
        detector.add(at, [each.reading.at for each in judged if each.alerts], truth)
        rules.add(at, [each.reading.at for each in judged if ruled_type(each.reading.metrics)], truth)
        for each in judged:
            kind = _true_type(each, stream)
            if kind is not None:
                true.append(kind)
                said.append(each.type)
                ruled.append(ruled_type(each.reading.metrics) or AnomalyType.NORMAL)
    return {
        "detector": detector.figures() | {"f1": macro_f1(true, said)},
        "bare_rules": rules.figures() | {"f1": macro_f1(true, ruled)},
        "always_alarm": {"false_an_evse_month": MONTH / JOINED, "found": 1.0},
        "never_alarm": {"false_an_evse_month": 0.0, "found": 0.0},
    }


def _truth(stream: Stream) -> tuple[list[Event], list[Span]]:
    events = [
        Event(each.kind.value, each.onset, each.end, not each.drift)
        for each in stream.oddities
        if not each.harmless
    ]
    excused = [Span(each.onset, each.returned) for each in stream.outages]
    return events, excused + [Span(each.begin, each.end) for each in stream.worn]


def _true_type(judged: Judged, stream: Stream) -> AnomalyType | None:
    """Return a sample's true type; None where nobody can say: in outages, and with worn parts."""
    at, metrics = judged.reading.at, judged.reading.metrics
    ruled = ruled_type(metrics)
    if ruled is not None:
        return ruled
    if any(each.onset <= at <= each.returned for each in stream.outages):
        return None
    if any(each.begin <= at <= each.end for each in stream.worn):
        return None
    charging = metrics.connector_status is ConnectorStatus.CHARGING
    odd = next((each for each in stream.oddities if not each.harmless and each.onset <= at <= each.end), None)
    if odd is None:
        return AnomalyType.NORMAL
    if not charging or (odd.drift and at < _shown(odd)):
        return None
    return AnomalyType.GENERIC_OUTLIER_HIGH if _plain(odd, at) else AnomalyType.GENERIC_OUTLIER_MEDIUM


def _plain(odd: Oddity, at: datetime) -> bool:
    """Whether a reading is plainly wrong: all that came at once, and a thermometer that is far off.

    How far worn contacts or modules show depends on load and vehicle; they count as middling.
    """
    if not odd.drift:
        return True
    return odd.kind is OddityKind.SENSOR_DRIFT and odd.size_at(at) >= PLAIN_C


def _shown(odd: Oddity) -> datetime:
    return odd.onset + SHOWN_SHARE * (odd.end - odd.onset)


def main() -> None:
    """Print the figures of sites that were never looked at."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--sites", type=int, default=10)
    parser.add_argument("--days", type=float, default=120.0)
    parser.add_argument("--world", choices=["normal", "hard"], default="normal")
    asked = parser.parse_args()
    plan = FleetPlan(
        sites=asked.sites,
        chargers=4,
        days=asked.days,
        seed=asked.seed,
        parameters=with_oddities(world_of(asked.world)),
    )
    print(json.dumps(anomaly_figures(plan), indent=1))


if __name__ == "__main__":
    main()

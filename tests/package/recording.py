"""A log as `edge-agent record` writes it, of a simulated site with faults; what two machines made of it."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING

from tests.bench.traffic import messages

if TYPE_CHECKING:
    from pathlib import Path

CHARGERS, MESSAGES, FAULTS = 20, 6_000, 0.002
START = datetime(2026, 3, 2, 6, tzinfo=UTC)
MONTH = timedelta(days=30)
PREFIX = "evzone/v1/site"
TOLERANCE = 1e-5
"""As for the golden vectors: processors differ in the last bits of float32."""


def write(path: Path) -> None:
    """Write the log."""
    with path.open("w") as file:
        for said in islice(messages(CHARGERS, START, 1.0, FAULTS), MESSAGES):
            topic = f"{PREFIX}/chargers/{said.charger_id}/{said.kind}"
            line = {"topic": topic, "payload": json.loads(said.payload), "at": said.at.isoformat()}
            file.write(f"{json.dumps(line)}\n")


def difference(here: str, there: str) -> float:
    """Return the largest difference of a number in two replays' outcomes. Raises ValueError for any other.

    A time that is foretold counts as a number, as a share of the month that is foretold.
    """
    one, other = here.splitlines(), there.splitlines()
    if len(one) != len(other):
        message = f"{len(one)} outcomes here, {len(other)} there"
        raise ValueError(message)
    return max(_apart(json.loads(a), json.loads(b)) for a, b in zip(one, other, strict=True))


def _apart(one: object, other: object) -> float:
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        return max((_apart(one[key], other[key]) for key in one), default=0.0)
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return max((_apart(a, b) for a, b in zip(one, other, strict=True)), default=0.0)
    if isinstance(one, float) and isinstance(other, float):
        return 0.0 if one == other else abs(one - other) / max(math.fabs(one), 1.0)
    if isinstance(one, str) and isinstance(other, str) and one != other:
        return _times_apart(one, other)
    if one != other:
        message = f"{one!r} here, {other!r} there"
        raise ValueError(message)
    return 0.0


def _times_apart(one: str, other: str) -> float:
    """Raises ValueError where they are no times."""
    apart = datetime.fromisoformat(one) - datetime.fromisoformat(other)
    return abs(apart / MONTH)

"""Which readings are worth sending up: what changed by more than a dead band, and a heartbeat."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from edge_agent.wire.metrics import Quantities

Which = Literal["all", "changes", "none"]
HEARTBEAT = timedelta(minutes=15)
BANDS = {
    "energy_delivered": 1.0,
    "power": 0.5,
    "power_limit": 0.5,
    "power_requested": 0.5,
    "temperature": 2.0,
    "ambient_temperature": 2.0,
    "soc": 5.0,
}
"""kWh, kW, °C, %: less than this says nothing new."""
EXACT = (
    "connector_status",
    "error_codes",
    "total_sessions",
    "last_maintenance",
    "rated_power",
    "firmware",
    "model",
)


class ToldReading(NamedTuple):
    """What was last sent up of an EVSE."""

    now: Quantities
    at: datetime


def is_worth_telling(before: ToldReading | None, now: Quantities, at: datetime, which: Which) -> bool:
    """Return whether a reading goes up. at: when it was taken."""
    if which != "changes":
        return which == "all"
    if before is None or at - before.at >= HEARTBEAT or at < before.at:
        return True
    if any(getattr(now, name) != getattr(before.now, name) for name in EXACT):
        return True
    return any(_moved(getattr(before.now, name), getattr(now, name), band) for name, band in BANDS.items())


def _moved(before: float | None, now: float | None, band: float) -> bool:
    if before is None or now is None:
        return before is not now
    return abs(now - before) >= band

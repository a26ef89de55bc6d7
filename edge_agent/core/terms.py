"""The operator's own terms: what work, parts and outages cost, and when technicians come.

Defaults are assumed, and stated in docs/configuration.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, tzinfo
from typing import NamedTuple

from edge_agent.wire.answers import FailureMode


class Part(NamedTuple):
    """What mends a failure mode. efficacy: share of the failures that are prevented where it is done in time.

    share: of all failures, for want of signs.
    """

    name: str
    cost: float
    lead_days: float
    efficacy: float
    share: float


PARTS: Mapping[FailureMode, Part] = {
    # share: models/README.md, "The fleet simulator". A visit mends no modem's network and no vandalism.
    FailureMode.CONNECTOR: Part("connector and cable", 150.0, 2.0, 0.8, 0.20),
    FailureMode.POWER_MODULE: Part("power module", 300.0, 3.0, 0.8, 0.15),
    FailureMode.COOLING: Part("fan and air filter", 60.0, 1.0, 0.8, 0.10),
    FailureMode.CONTACTOR: Part("contactor", 80.0, 2.0, 0.8, 0.08),
    FailureMode.LOCK: Part("connector lock", 60.0, 2.0, 0.8, 0.07),
    FailureMode.CONNECTIVITY: Part("", 0.0, 0.0, 0.0, 0.25),
    FailureMode.PAYMENT: Part("", 0.0, 0.0, 0.0, 0.10),
    FailureMode.UNKNOWN: Part("", 0.0, 0.0, 0.0, 0.05),
}


@dataclass(frozen=True, slots=True)
class Terms:
    """Costs in `currency`; hours are of downtime.

    revenue_per_hour: lost in an average hour. call_out_cost: of a visit, whatever it serves; labour_cost: of
    the work at one charger. technician_days: 0 for Monday; technician_hours: begin and end, local.
    """

    time_zone: tzinfo = UTC
    currency: str = "EUR"
    revenue_per_hour: float = 8.0
    labour_cost: float = 120.0
    repair_cost: float = 600.0
    preventive_downtime_hours: float = 2.0
    failure_downtime_hours: float = 48.0
    call_out_cost: float = 80.0
    penalty: float = 0.0
    planned_visit_days: float = 30.0
    technician_days: frozenset[int] = frozenset(range(5))
    technician_hours: tuple[int, int] = (8, 17)
    holidays: frozenset[date] = frozenset()
    parts: Mapping[FailureMode, Part] = field(default_factory=lambda: PARTS)

    @property
    def failure_cost(self) -> float:
        """What one failure costs: the repair, what is lost meanwhile, and the penalty."""
        return self.failure_downtime_hours * self.revenue_per_hour + self.repair_cost + self.penalty

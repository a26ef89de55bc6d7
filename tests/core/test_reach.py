"""Runs of sessions that stay below the power which vehicles used to reach."""

from __future__ import annotations

from edge_agent.core.baseline import deviations
from edge_agent.core.charger import Charger
from edge_agent.core.reach import HABIT_SESSIONS
from edge_agent.core.serving import LONG_RUN
from edge_agent.wire.reading import Reading
from tests.core.making import folded, said

VISIT_S = 2 * 3600.0
HABIT = 30


def visit(number: int, power: float, energy: float = 20.0, **told: object) -> list[Reading]:
    start = number * VISIT_S
    return [
        said(start, "CHARGING", power=power, energy_delivered=0.0, **told),
        said(start + 3600, "CHARGING", power=power / 2, energy_delivered=energy, **told),
        said(start + 3700, "AVAILABLE", power=0.0, energy_delivered=energy),
    ]


def after(*visits: list[Reading]) -> Charger:
    return folded([reading for each in visits for reading in each])


def habit(weak_in: int | None = None) -> list[list[Reading]]:
    """Return visits of which every so manieth is by a vehicle that takes less."""
    return [visit(each, 10.0 if weak_in and each % weak_in == 0 else 50.0) for each in range(HABIT)]


def surprise(before: list[list[Reading]], runs: int, **told: object) -> float:
    weak = [visit(HABIT + each, 10.0, **told) for each in range(runs)]  # type: ignore[arg-type]
    return after(*before, *weak).baselines.reach.surprise


def test_the_longer_vehicles_stay_weak_the_odder_it_is() -> None:
    told = [surprise(habit(), runs) for runs in (0, 1, 3, 6)]
    assert told[0] == 0.0
    assert told == sorted(told)
    assert told[-1] > LONG_RUN


def test_where_many_always_were_weak_it_takes_more_of_them() -> None:
    assert surprise(habit(weak_in=2), 6) < LONG_RUN < surprise(habit(weak_in=2), 40)


def test_one_that_reaches_its_power_ends_the_run() -> None:
    weak = [visit(HABIT + each, 10.0) for each in range(6)]
    assert after(*habit(), *weak, visit(HABIT + 6, 50.0)).baselines.reach.weak == 0


def test_it_shows_as_too_little_power_while_a_vehicle_charges() -> None:
    weak = [visit(HABIT + each, 10.0) for each in range(8)]
    charger = after(*habit(), *weak, visit(HABIT + 8, 10.0)[:1])
    assert deviations(charger.baselines, charger.now)["power"] < -6.0
    parked = after(*habit(), *weak)
    assert deviations(parked.baselines, parked.now)["power"] == 0.0


def test_what_the_vehicle_asked_for_the_site_allowed_or_a_full_battery_explains_is_not_weak() -> None:
    for told in ({"power_requested": 10.0}, {"power_limit": 11.0}, {"soc": 85.0}):
        assert surprise(habit(), 10, **told) == 0.0


def test_who_takes_much_less_energy_than_usual_does_not_count() -> None:
    assert surprise(habit(), 10, energy=5.0) == 0.0


def test_while_little_is_known_nothing_is_odd() -> None:
    few = [visit(each, 50.0) for each in range(HABIT_SESSIONS // 2)]
    weak = [visit(len(few) + each, 10.0) for each in range(4)]
    assert after(*few, *weak).baselines.reach.surprise == 0.0

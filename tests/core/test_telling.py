"""Which readings go up."""

from __future__ import annotations

import pytest

from edge_agent.core.telling import HEARTBEAT, ToldReading, is_worth_telling
from edge_agent.wire.metrics import Metrics
from tests.core.making import at

USUAL = {"connector_status": "CHARGING", "power": 7.0, "temperature": 30.0, "energy_delivered": 5.0}


def metrics(**changed: object) -> Metrics:
    return Metrics.model_validate({**USUAL, **changed})


BEFORE = ToldReading(metrics(), at(0))


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({}, False),
        ({"power": 7.4}, False),
        ({"power": 7.5}, True),
        ({"temperature": 31.9}, False),
        ({"temperature": 32.0}, True),
        ({"temperature": None}, True),
        ({"energy_delivered": 6.0}, True),
        ({"connector_status": "AVAILABLE"}, True),
        ({"error_codes": ["GroundFailure"]}, True),
        ({"firmware": "2"}, True),
        ({"metadata": {"a": 1}}, False),
    ],
)
def test_a_reading_goes_up_where_it_changed_by_more_than_a_dead_band(
    changed: dict[str, object], says: bool
) -> None:
    assert is_worth_telling(BEFORE, metrics(**changed), at(60), "changes") is says


def test_the_first_one_and_a_heartbeat_go_up() -> None:
    assert is_worth_telling(None, metrics(), at(0), "changes")
    assert is_worth_telling(BEFORE, metrics(), at(0) + HEARTBEAT, "changes")


def test_all_and_none_are_what_they_say() -> None:
    assert is_worth_telling(BEFORE, metrics(), at(1), "all")
    assert not is_worth_telling(None, metrics(), at(1), "none")

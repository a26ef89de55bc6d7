from __future__ import annotations

import numpy as np
import pytest

from edge_agent.simulator.components import Components
from edge_agent.simulator.oracle import risk, survival
from edge_agent.simulator.parameters import STAGES, FaultParameters, Mode

DAYS = (1, 7, 30)


def parts(mode: Mode = Mode.CONNECTOR, *, seed: int = 1, per_year: float = 20) -> Components:
    faults = FaultParameters(outages_per_year=per_year, frailty_variance=0)
    return Components((mode,), faults, np.random.default_rng(seed))


def test_a_part_that_nothing_announces_fails_as_an_exponential_law_says() -> None:
    made = parts(Mode.INSULATION)
    rate = 20 * 0.01 / 365.25
    alive = survival(made.generator(Mode.INSULATION), DAYS)[0]
    assert alive == pytest.approx(np.exp(-rate * np.array(DAYS)))


def test_risk_rises_with_wear_and_with_time() -> None:
    alive = survival(parts().generator(Mode.CONNECTOR), DAYS)
    assert (np.diff(alive, axis=0) < 0).all()
    assert (np.diff(alive, axis=1) < 0).all()


def test_the_oracle_says_what_simulation_gives() -> None:
    made = parts(per_year=5)
    says = 1 - survival(made.generator(Mode.CONNECTOR), DAYS)[2]
    rng = np.random.default_rng(4)
    failed = np.zeros(len(DAYS))
    for _ in range(3000):
        one = Components((Mode.CONNECTOR,), FaultParameters(outages_per_year=5, frailty_variance=0), rng)
        one.wear(Mode.CONNECTOR, 2)
        day = 0.0
        while day < DAYS[-1]:
            day += one.next_change_s() / 86_400
            if one.change() is not None:
                failed += day <= np.array(DAYS)
                break
    assert failed / 3000 == pytest.approx(says, abs=0.03)


def test_the_state_of_a_moment_tells_nothing_of_later_wear() -> None:
    made = parts()
    before = risk([made], np.array([0.0, 99.0]), DAYS)
    made.now_s = 100.0
    made.wear(Mode.CONNECTOR, STAGES)
    after = risk([made], np.array([0.0, 99.0, 101.0]), DAYS)
    np.testing.assert_array_equal(after[:2], before)
    assert (after[2] > 5 * after[1]).all()


def test_causes_that_are_no_failure_carry_no_risk() -> None:
    assert risk([parts(Mode.VANDALISM)], np.zeros(1), DAYS) == pytest.approx(0)

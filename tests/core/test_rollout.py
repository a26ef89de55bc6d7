"""How a release comes to judge: what ends a trial, and that there is always one that judges."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.core.rollout import (
    LEAST_ROWS,
    Bounds,
    Verdict,
    before,
    judged,
    kept,
    objection,
    offered,
    refused,
    shipped_with,
    went_back,
    went_on,
)
from edge_agent.wire.rollout import Comparison, Phase, Rollout, Side

BOUNDS = Bounds(hours=24, jump=0.2)
START = shipped_with(None, 1)


def compared(hours: float = 25.0, rows: int = LEAST_ROWS, **sides: dict[str, Any]) -> Comparison:
    new, old = (Side(**{"seconds": 0.01, **sides.get(name, {})}) for name in ("new", "old"))
    return Comparison(hours=hours, rows=rows, samples=rows, new=new, old=old)


def test_a_release_is_tried_then_judges_on_probation_then_for_good() -> None:
    state = offered(START, 2)
    assert (state.phase, state.judging, state.candidate, state.highest) == (Phase.SHADOW, 1, 2, 2)
    state = went_on(state, compared(), BOUNDS)
    assert (state.phase, state.judging, state.previous, state.compared) == (
        Phase.PROBATION,
        2,
        1,
        Comparison(),
    )
    state = went_on(state, compared(), BOUNDS)
    assert (state.phase, state.judging, state.previous) == (Phase.SETTLED, 2, 1)


@pytest.mark.parametrize(
    ("told", "verdict"),
    [
        (compared(), Verdict(over=True)),
        (compared(hours=23.9), Verdict()),
        (compared(rows=LEAST_ROWS - 1), Verdict()),
        (compared(hours=0.1, new={"faults": 3}), Verdict(fault="it failed on 3 live rows")),
        (compared(rows=10, new={"alarms": 10}), Verdict()),
        (compared(new={"alarms": 200}), Verdict(over=True)),
        (compared(new={"alarms": 900}, old={"alarms": 700}), Verdict(over=True)),
        (compared(new={"seconds": 0.9}), Verdict(over=True)),
    ],
    ids=["good", "early", "few rows", "it failed", "few alarms", "a fifth", "as before", "slower, unnoticed"],
)
def test_a_comparison_says(told: Comparison, verdict: Verdict) -> None:
    assert judged(told, BOUNDS) == verdict


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (compared(0.1, new={"alarms": 300}, old={"alarms": 20}), "asks for action in 30% of the answers"),
        (compared(0.1, new={"odd": 600}, old={"odd": 90}), "holds 60% of the samples for odd"),
        (compared(0.1, new={"seconds": 2.0}), "takes 2.0 ms a row"),
    ],
)
@pytest.mark.parametrize("phase", [Phase.SHADOW, Phase.PROBATION])
def test_what_is_bad_ends_it_at_once_and_is_not_taken_again(told: Comparison, why: str, phase: Phase) -> None:
    state = offered(START, 2)
    if phase is Phase.PROBATION:
        state = went_on(state, compared(), BOUNDS)
    after = went_on(state, told, BOUNDS)
    assert (after.phase, after.judging, after.candidate) == (Phase.SETTLED, 1, None)
    assert why in after.refused[2]
    assert "was refused here" in (objection(after, 2) or "")


def test_a_program_that_brings_a_newer_release_judges_by_it_and_an_older_one_does_not() -> None:
    state = Rollout(judging=3, previous=2, highest=3)
    assert shipped_with(state, 4).judging == 4
    assert shipped_with(state, 2).judging == 3
    assert shipped_with(went_back(state, 2, "by hand"), 3).judging == 2


STEPS = st.sampled_from(["offer", "good", "bad", "back", "refuse"])


@given(st.lists(STEPS, max_size=30))
def test_whatever_comes_there_is_one_that_judges_and_was_never_refused(steps: list[str]) -> None:
    state, here = START, {1}
    for number, step in enumerate(steps, 2):
        if step == "offer" and objection(state, number) is None:
            here.add(number)
            state = offered(state, number)
        elif step in ("good", "bad") and state.compared is not None:
            state = went_on(state, compared(new={"faults": int(step == "bad")}), BOUNDS)
        elif step == "back" and (to := before(state, here)) is not None:
            state = went_back(state, to, "by hand")
        elif step == "refuse" and state.phase is not Phase.SETTLED:
            state = refused(state, "by hand")
        here &= kept(state, here) | {1}
        assert state.judging in here
        assert state.judging not in state.refused
        assert state.candidate is None or state.candidate in here
        assert state.phase is not Phase.PROBATION or state.previous in here

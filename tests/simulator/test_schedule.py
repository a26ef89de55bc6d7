from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.simulator.sample import Sample
from edge_agent.simulator.schedule import play


class Ringing:
    """An actor that acts at set times, writes down when it did, and may move another's next time."""

    def __init__(self, times: list[float], acted: list[float]) -> None:
        self.times = sorted(times)
        self.acted = acted
        self.other: tuple[Ringing, float] | None = None

    def next_s(self) -> float:
        return self.times[0] if self.times else math.inf

    def act(self) -> list[Sample]:
        self.acted.append(self.times.pop(0))
        if self.other is not None:
            actor, at_s = self.other
            actor.times[:1] = [at_s]
        return []


@given(st.lists(st.lists(st.floats(0, 1e6), max_size=8), max_size=6))
def test_all_act_at_all_their_times_in_order(times: list[list[float]]) -> None:
    acted: list[float] = []
    actors = [Ringing(each, acted) for each in times]
    assert list(play(actors, [[place] for place in range(len(actors))])) == []
    assert acted == sorted(at for each in times for at in each)


@pytest.mark.parametrize("moved_to", [5.0, 50.0])
def test_a_time_that_another_moves_counts_once_and_anew(moved_to: float) -> None:
    acted: list[float] = []
    mover, moved = Ringing([1.0], acted), Ringing([10.0], acted)
    mover.other = (moved, moved_to)
    list(play([mover, moved], [[0, 1], [1]]))
    assert acted == [1.0, moved_to]

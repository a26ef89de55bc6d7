"""The true risk: what somebody would say who sees every part's wear, and nothing of the future.

Each part is a chain with exponential waits (`Components`), so its survival is a matrix exponential, and an
EVSE survives while all its own parts and its cabinet's do. Source: Neuts, "Matrix-Geometric Solutions in
Stochastic Models", 1981, chapter 2 (phase-type laws).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edge_agent.simulator.parameters import STAGES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_agent.simulator.components import Array, Components

TERMS = 14
SQUARINGS = 8


def risk(units: Sequence[Components], at_s: Array, days: Sequence[int]) -> Array:
    """Return P(failure within each number of days) at each moment, shape (len(at_s), len(days)).

    units: the parts of the connector and of its cabinet. at_s: seconds since the start. Causes that are no
    failure (`Wear.own`) have no part in it.
    """
    alive = np.ones((len(at_s), len(days)))
    for parts in units:
        for mode in parts.stage:
            if parts.own(mode):
                alive *= survival(parts.generator(mode), days)[parts.stages_at(mode, at_s)]
    return 1 - alive


def survival(generator: Array, days: Sequence[int]) -> Array:
    """Return P(not failed after each number of days) by stage, shape (STAGES + 1, len(days))."""
    a_day = _exponential(generator)
    powers = [np.linalg.matrix_power(a_day, number) for number in days]
    return np.column_stack([1 - power[: STAGES + 1, -1] for power in powers])


def _exponential(matrix: Array) -> Array:
    """Return exp(matrix), by its series on a small part of it and squaring."""
    small = matrix / 2**SQUARINGS
    term = total = np.eye(len(matrix))
    for number in range(1, TERMS):
        term = term @ small / number
        total = total + term
    return np.linalg.matrix_power(total, 2**SQUARINGS)

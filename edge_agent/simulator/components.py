"""Latent health: each part is a small Markov chain, from which alone the labels come.

    healthy ──► stage 1 ──► … ──► stage 4 ──► failed        announced by wear
       │           └─── heals ◄──────┘
       └───────────┴─────────────────┴────► failed        from nowhere

All waits are exponential, so the true hazard of any state can be worked out exactly.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edge_agent.simulator.parameters import STAGES, Mode

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from numpy.random import Generator

    from edge_agent.simulator.parameters import FaultParameters

Array = NDArray[np.float64]
DAY_S = 86_400.0
YEAR_DAYS = 365.25


@dataclass(frozen=True, slots=True)
class Failure:
    """The truth about one outage. connector_id 0: the cabinet, and with it all connectors.

    own: whether the charger's own part broke; otherwise it is an outage with a cause, not a failure.
    announced: whether wear came before it.
    """

    charger_id: str
    connector_id: int
    mode: Mode
    onset: datetime
    returned: datetime
    own: bool
    announced: bool

    @property
    def censors(self) -> bool:
        """Whether what would have become of the parts is not to be seen: somebody worked on them."""
        return self.mode in {Mode.VANDALISM, Mode.PLANNED}


@dataclass(frozen=True, slots=True)
class Breakdown:
    """A part has failed just now."""

    mode: Mode
    announced: bool


class Components:
    """The parts of one connector, or of one cabinet."""

    def __init__(
        self, modes: Sequence[Mode], faults: FaultParameters, rng: Generator, gain: float = 1.0
    ) -> None:
        self._faults = faults
        self._rng = rng
        variance = faults.frailty_variance
        self.now_s = 0.0
        self.frailty = gain * (float(rng.gamma(1 / variance, variance)) if variance else 1.0)
        self.stage = dict.fromkeys(modes, 0)
        self.severity = dict.fromkeys(Mode, 0.0)
        """From 0, healthy, to 1, about to fail; what the telemetry is made from."""
        self.past: list[tuple[float, Mode, int]] = []
        """Every change of a stage so far: when, in seconds, of which part, to which. For the oracle alone."""

    def next_change_s(self) -> float:
        """Draw the seconds until the next change of any part; infinite where nothing wears."""
        total = sum(self._rates().values())
        return float(self._rng.exponential(DAY_S / total)) if total else math.inf

    def change(self) -> Breakdown | None:
        """Let one part change, chosen by its rate; return the breakdown if it failed."""
        rates = self._rates()
        drawn = self._rng.random() * sum(rates.values())
        for mode, rate in rates.items():
            drawn -= rate
            if drawn <= 0:
                return self._changed(mode)
        return None

    def wear(self, mode: Mode, stage: int) -> None:
        """Set a part's stage, 0 to STAGES."""
        self.past.append((self.now_s, mode, stage))
        self.stage[mode] = stage
        self.severity[mode] = stage / STAGES

    def own(self, mode: Mode) -> bool:
        """Tell whether an outage of this part is a failure of the charger's own."""
        return self._faults.wear[mode].own

    def stages_at(self, mode: Mode, at_s: Array) -> NDArray[np.int64]:
        """Return the stage that a part was in at each moment, seconds since the start."""
        changes = [(when, stage) for when, part, stage in self.past if part is mode]
        times, stages = [when for when, _ in changes], [0, *(stage for _, stage in changes)]
        return np.array(stages)[np.searchsorted(times, at_s, side="right")]

    def repair(self, mode: Mode) -> None:
        """Mend a part, now and then not for good."""
        again = (
            self._rng.random() < self._faults.imperfect_share and self._faults.wear[mode].precursor_share > 0
        )
        self.wear(mode, 1 if again else 0)

    def repair_days(self) -> float:
        """Draw how long the next outage lasts."""
        return self._faults.repair_median_days * math.exp(
            self._faults.repair_sigma * self._rng.standard_normal()
        )

    def _rates(self) -> dict[Mode, float]:
        """Return each part's changes a day in its present stage."""
        return {
            mode: self._rates_of(mode)[0] + self._leaves(mode, stage) for mode, stage in self.stage.items()
        }

    def _leaves(self, mode: Mode, stage: int) -> float:
        """Return how often a day a part leaves its stage, a breakdown from nowhere aside."""
        return STAGES / self._faults.wear[mode].days if stage else self._rates_of(mode)[1]

    def _rates_of(self, mode: Mode) -> tuple[float, float]:
        """Return how often a day a part breaks from nowhere, worn or not, and how often wear begins."""
        wear = self._faults.wear[mode]
        failures = self._faults.outages_per_year * wear.share * self.frailty / YEAR_DAYS
        onset = failures * wear.precursor_share / (1 - self._faults.heal_share)
        return failures * (1 - wear.precursor_share), onset

    def generator(self, mode: Mode) -> Array:
        """Return the part's rates of change a day, shape (STAGES + 2,) * 2: healthy, the stages, failed."""
        rates = np.zeros((STAGES + 2, STAGES + 2))
        rates[:-1, -1], rates[0, 1] = self._rates_of(mode)
        for stage, heals in enumerate(self._faults.heal, start=1):
            pace = STAGES / self._faults.wear[mode].days
            rates[stage, 0] = pace * heals
            rates[stage, stage + 1] += pace * (1 - heals)
        return rates - np.diag(rates.sum(axis=1))

    def _changed(self, mode: Mode) -> Breakdown | None:
        stage, sudden = self.stage[mode], self._rates_of(mode)[0]
        if self._rng.random() < sudden / (sudden + self._leaves(mode, stage)):
            return Breakdown(mode, announced=False)
        if not stage:
            self.wear(mode, 1)
        elif self._rng.random() < self._faults.heal[stage - 1]:
            self.wear(mode, 0)
        elif stage == STAGES:
            return Breakdown(mode, announced=True)
        else:
            self.wear(mode, stage + 1)
        return None

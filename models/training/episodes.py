"""Alarms counted as a technician meets them: episodes, not points.

An episode is a run of alarm on one EVSE; gaps under a day join it, seven days close it (a longer alarm is
a new one). It is true if a failure starts between half a day and seven days after its start.
Source: models/README.md, "Words".
"""

from __future__ import annotations

from bisect import bisect_right
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
MONTH_DAYS = 30.4
JOIN_DAYS = 1.0
LONGEST_DAYS = 7.0
SOONEST_DAYS = 0.5
LATEST_DAYS = 7.0
LONGEST_GAP_DAYS = 1.0
"""What lies between two rows further apart than this was not watched."""
SHARES = tuple(np.geomspace(1e-5, 0.5, 200).tolist())
"""Of the rows in alarm, when a threshold is looked for."""


class Timed(Protocol):
    """Rows in the order of unit and time. All of shape (n,); times in days."""

    @property
    def evse(self) -> NDArray[np.int64]: ...
    @property
    def at(self) -> Array: ...
    @property
    def to_failure(self) -> Array:
        """Infinite where none was seen."""
        ...

    @property
    def to_censor(self) -> Array: ...


class Tally(NamedTuple):
    """What became of the episodes of an alarm.

    lead_days: from the start of each true episode to its failure. caught: the failures foretold, as
    `failures` names them. evse_months: how long was watched.
    """

    true: int
    false: int
    lead_days: Array
    caught: frozenset[tuple[int, float]]
    evse_months: float

    @property
    def false_rate(self) -> float:
        """False episodes an EVSE-month."""
        return self.false / self.evse_months

    @property
    def precision(self) -> float:
        """Share of the episodes that were true; NaN without any."""
        told = self.true + self.false
        return self.true / told if told else float("nan")


def tally(rows: Timed, alarm: NDArray[np.bool_]) -> Tally:
    """Count the episodes of an alarm. One whose outcome was not seen to the end counts neither way."""
    places = np.flatnonzero(alarm)
    begun = places[begins(rows.evse[places], rows.at[places])]
    to_failure, to_censor = rows.to_failure[begun], rows.to_censor[begun]
    seen = to_failure <= to_censor
    true = seen & (to_failure >= SOONEST_DAYS) & (to_failure <= LATEST_DAYS)
    false = ~true & (seen | (to_censor >= LATEST_DAYS))
    caught = frozenset(_names(rows, begun[true]))
    return Tally(int(true.sum()), int(false.sum()), to_failure[true], caught, evse_months(rows))


def begins(evse: NDArray[np.int64], at: Array) -> NDArray[np.int64]:
    """Return the places at which an episode begins, among rows in alarm."""
    if not len(at):
        return np.empty(0, dtype=np.int64)
    apart = np.r_[True, (np.diff(evse) != 0) | (np.diff(at) >= JOIN_DAYS)]
    starts = np.flatnonzero(apart)
    found: list[int] = []
    for start, end in zip(starts, np.r_[starts[1:], len(at)], strict=True):
        place = int(start)
        while place < end:
            found.append(place)
            place += int(np.searchsorted(at[place:end], at[place] + LONGEST_DAYS))
    return np.array(found, dtype=np.int64)


def failures(rows: Timed) -> frozenset[tuple[int, float]]:
    """Return each failure that a row could have foretold: EVSE and onset in days, to the minute."""
    within = (rows.to_failure >= SOONEST_DAYS) & (rows.to_failure <= LATEST_DAYS)
    return frozenset(_names(rows, np.flatnonzero(within & (rows.to_failure <= rows.to_censor))))


def evse_months(rows: Timed) -> float:
    """Return how long was watched: the time between rows of one EVSE that are not too far apart."""
    passed = np.diff(rows.at)
    watched = (np.diff(rows.evse) == 0) & (passed <= LONGEST_GAP_DAYS)
    return float(passed[watched].sum()) / MONTH_DAYS


def threshold(rows: Timed, score: Array, budget: float) -> float:
    """Return the lowest threshold that keeps to a budget of false episodes an EVSE-month.

    Found by halving: the more rows in alarm, the more episodes.
    """

    def at(share: float) -> float:
        return float(np.quantile(score, 1 - share))

    def false_rate(share: float) -> float:
        return tally(rows, score >= at(share)).false_rate

    place = bisect_right(SHARES, budget, key=false_rate)
    return at(SHARES[place - 1]) if place else float(np.nextafter(score.max(), np.inf))


def _names(rows: Timed, places: NDArray[np.int64]) -> list[tuple[int, float]]:
    onsets = np.round(rows.at[places] + rows.to_failure[places], 3)
    return list(zip(rows.evse[places].tolist(), onsets.tolist(), strict=True))

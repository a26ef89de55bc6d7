"""The port through which the core asks its models. Two implement it: ONNX files and the rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from edge_agent.core.features import FloatArray
    from edge_agent.wire.answers import Engine


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From which probability on each action is due. `immediate` is read at 3 days, the others at 7 and 30."""

    immediate: float
    within_7_days: float
    within_30_days: float


@dataclass(frozen=True, slots=True)
class Scope:
    """What a model was trained on, by input in the order of FAILURE_FEATURES.

    base_rate: share of the training rows that failed within 7 days. weight: how much of the answer rests on
    each input, summing to 1. low, high: the range that the training rows had.
    """

    base_rate: float
    weight: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


class FailureModel(Protocol):
    """Answers how probable a failure is by the end of each horizon."""

    @property
    def engine(self) -> Engine: ...
    @property
    def version(self) -> str: ...
    @property
    def calibrated(self) -> bool: ...
    @property
    def thresholds(self) -> Thresholds: ...
    @property
    def thresholds_stateless(self) -> Thresholds:
        """For rows without history."""
        ...

    @property
    def scope(self) -> Scope | None:
        """What it was trained on; None where it was not trained."""
        ...

    @property
    def trust(self) -> tuple[float, float]:
        """The most confidence with history and with the eight inputs alone, 0 to 1; 0 without skill."""
        ...

    def explained(self, rows: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return curves and what made them: shapes (n, 5) and (n, 5, N_FAILURE).

        A curve is P(failure by each of HORIZON_DAYS), rising. What each known input moves is told in log
        hazard of each bin against an average row (with the rules, in their score); 0 where it moves nothing.
        rows: float32, shape (n, N_FAILURE), in the order of FAILURE_FEATURES, NaN where unknown.
        """
        ...


class AnomalyModel(Protocol):
    """Votes on how unlike the normal a sample is."""

    @property
    def engine(self) -> Engine: ...
    @property
    def version(self) -> str: ...

    def scores(self, rows: FloatArray) -> FloatArray:
        """Return a score 0 (ordinary) to 100 for each row: shape (n,). NaN is no vote.

        rows: float32, shape (n, N_ANOMALY), in the order of ANOMALY_FEATURES, NaN where unknown.
        """
        ...


@dataclass(frozen=True, slots=True)
class Models:
    """The two models that judge; swapped as one value."""

    failure: FailureModel
    anomaly: AnomalyModel

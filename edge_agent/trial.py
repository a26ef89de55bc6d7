"""Two releases of the models asked the same, of which one answers; what both said is counted."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from edge_agent.core.anomaly import MEDIUM_SCORE
from edge_agent.core.failure import verdict
from edge_agent.core.models import Models
from edge_agent.wire.rollout import Comparison, Side

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from edge_agent.core.features import FloatArray
    from edge_agent.core.models import AnomalyModel, FailureModel

    Answer = TypeVar("Answer")

log = logging.getLogger(__name__)


class Contender:
    """One release in a trial, and what it did so far; see `Side`."""

    def __init__(self, models: Models, so_far: Side, seconds: Callable[[], float]) -> None:
        self.models = models
        self._seconds = seconds
        self._alarms = so_far.alarms
        self._odd = so_far.odd
        self._spent = so_far.seconds
        self.faults = so_far.faults

    def told(self) -> Side:
        """Return what it did."""
        return Side(alarms=self._alarms, odd=self._odd, seconds=self._spent, faults=self.faults)

    def explained(self, rows: FloatArray) -> tuple[FloatArray, FloatArray]:
        """See `FailureModel`."""
        model = self.models.failure
        curves, moved = self._timed(model.explained, rows)
        asked = zip(curves.tolist(), rows.tolist(), strict=True)
        self._alarms += sum(verdict(tuple(curve), row, model).required for curve, row in asked)
        return curves, moved

    def scores(self, rows: FloatArray) -> FloatArray:
        """See `AnomalyModel`."""
        scores = self._timed(self.models.anomaly.scores, rows)
        self._odd += int((scores >= MEDIUM_SCORE).sum())
        return scores

    def _timed(self, ask: Callable[[FloatArray], Answer], rows: FloatArray) -> Answer:
        began = self._seconds()
        try:
            return ask(rows)
        except Exception:
            if not self.faults:
                log.exception("a model failed on live readings", extra={"model": self.models.failure.version})
            self.faults += len(rows)
            raise
        finally:
            self._spent += self._seconds() - began


class Trial:
    """A comparison that goes on. One thread asks `live`; any thread may ask how it stands."""

    def __init__(
        self, new: Models, old: Models, *, new_judges: bool, so_far: Comparison, seconds: Callable[[], float]
    ) -> None:
        """seconds: a monotonic clock."""
        self._seconds = seconds
        self._began = seconds()
        self._so_far = so_far
        self.rows = so_far.rows
        self.samples = so_far.samples
        self._new = Contender(new, so_far.new, seconds)
        self._old = Contender(old, so_far.old, seconds)
        order = (self._new, self._old) if new_judges else (self._old, self._new)
        self._asking = Models(_Failures(*order, self), _Anomalies(*order, self))

    @property
    def live(self) -> Models:
        """Those that judge what comes in: once the new one has failed, the old ones, alone."""
        return self._old.models if self._new.faults else self._asking

    def told(self) -> Comparison:
        """Return the comparison as it stands."""
        return Comparison(
            hours=self._so_far.hours + (self._seconds() - self._began) / 3_600,
            rows=self.rows,
            samples=self.samples,
            new=self._new.told(),
            old=self._old.told(),
        )


class _Failures:
    """Implements `FailureModel` by asking both."""

    def __init__(self, answering: Contender, beside: Contender, trial: Trial) -> None:
        model: FailureModel = answering.models.failure
        self.engine = model.engine
        self.version = model.version
        self.calibrated = model.calibrated
        self.thresholds = model.thresholds
        self.thresholds_stateless = model.thresholds_stateless
        self.scope = model.scope
        self.trust = model.trust
        self._answering = answering
        self._beside = beside
        self._trial = trial

    def explained(self, rows: FloatArray) -> tuple[FloatArray, FloatArray]:
        """See `FailureModel`."""
        self._trial.rows += len(rows)
        with suppress(Exception):  # it is counted, and nobody waits for it
            self._beside.explained(rows)
        return self._answering.explained(rows)


class _Anomalies:
    """Implements `AnomalyModel` by asking both."""

    def __init__(self, answering: Contender, beside: Contender, trial: Trial) -> None:
        model: AnomalyModel = answering.models.anomaly
        self.engine = model.engine
        self.version = model.version
        self._answering = answering
        self._beside = beside
        self._trial = trial

    def scores(self, rows: FloatArray) -> FloatArray:
        """See `AnomalyModel`."""
        self._trial.samples += len(rows)
        with suppress(Exception):  # as above
            self._beside.scores(rows)
        return self._answering.scores(rows)
